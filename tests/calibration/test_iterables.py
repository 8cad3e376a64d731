from __future__ import annotations

from typing import TYPE_CHECKING, Any, override

import numpy as np
import pytest
from PIL import Image

from tests.calibration.support import RGB_4X6, VECTOR_5, Audience, all_values, read, spec, takes
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dlpuconv.calibration import Calibration

ROWS = np.arange(30, dtype=np.float32).reshape(6, 5)
TWO = takes(spec(1, 5, name="a"), spec(1, 2, name="b"))


def total(source: Any) -> float:
    return total_of(read(source, VECTOR_5))


def total_of(found: Calibration) -> float:
    return float(sum(v.sum() for v in all_values(found)))


def test_a_generator_is_read_once_and_its_samples_again_and_again() -> None:
    found = read((row for row in ROWS), VECTOR_5)
    np.testing.assert_array_equal(all_values(found), all_values(found))
    assert len(found.fit) + len(found.held_out) == 6


@pytest.mark.parametrize(
    "items",
    [
        list(ROWS),
        list(ROWS.reshape(6, 1, 5)),
        [ROWS[:4], ROWS[4:]],
        [{"x": row} for row in ROWS],
        [{"pixel_values": ROWS}],
        [(ROWS[:4], np.arange(4)), (ROWS[4:], np.arange(2))],
        [[ROWS[:4], np.arange(4)], [ROWS[4:], np.arange(2)]],
        [(row, 7) for row in ROWS],
        [row.tolist() for row in ROWS],
        [{"image": ROWS, "label": np.arange(6)}],
        [{"image": row, "label": 7, "path": "a.jpg"} for row in ROWS],
        [{"label": np.arange(5), "image": ROWS[:5]}, {"label": np.arange(1), "image": ROWS[5:]}],
        [({"x": row}, 7) for row in ROWS],
    ],
)
def test_items_may_be_samples_or_batches_bare_named_or_with_labels(items: list[Any]) -> None:
    assert total(iter(items)) == ROWS.sum()


class Numbered:
    """A map-style dataset, which torch's samplers, and nothing else, keep from running over its end."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, number: int) -> Any:
        self.asked.append(number)
        return self._items[number % len(self._items)]


class Endless(Numbered):
    """One that does not know how much there is."""

    __len__ = None  # type: ignore[assignment]


def test_a_map_style_dataset_is_read_to_its_length() -> None:
    assert total(Numbered([(row, 7) for row in ROWS])) == ROWS.sum()


def test_a_long_dataset_is_read_evenly_spread_and_a_list_too() -> None:
    dataset = Numbered(list(ROWS))
    assert total_of(read(dataset, VECTOR_5, limit=3)) == total_of(read(list(ROWS), VECTOR_5, limit=3))
    assert dataset.asked == [0, 2, 5]


def test_a_dataset_without_a_length_is_read_until_it_has_no_more() -> None:
    class Ending:
        def __getitem__(self, number: int) -> Any:
            return ROWS[number]  # numpy raises the IndexError that ends it

    assert total(Ending()) == ROWS.sum()
    found = read(Endless(list(ROWS)), VECTOR_5, limit=7)
    assert "only the first 7 samples of the Endless were read" in found.warnings


def test_a_tensor_that_cannot_leave_its_framework_is_named_and_a_label_of_that_kind_is_left_alone() -> None:
    class Sparse:
        def numpy(self) -> Any:
            raise TypeError("densify it first")

    with raises_error("calibration-not-an-array", "item 0", "Sparse", "densify it first"):
        read([Sparse()], VECTOR_5)
    assert total([{"image": row, "label": Sparse()} for row in ROWS]) == ROWS.sum()


def test_a_class_instead_of_a_dataset_is_named() -> None:
    with raises_error("calibration-kind-unknown", "Numbered"):
        read(Numbered, VECTOR_5)


@pytest.mark.parametrize("length", [TypeError("no len()"), RuntimeError("not yet"), -1, 3, 1000])
def test_a_length_that_fails_or_lies_does_no_harm(length: Exception | int) -> None:
    class Loader:
        def __len__(self) -> int:
            if isinstance(length, Exception):
                raise length
            return length

        def __iter__(self) -> Iterator[Any]:
            return iter(ROWS)

    assert total(Loader()) == ROWS.sum()
    assert "only the first 5 samples of the Loader were read" in read(Loader(), VECTOR_5, limit=5).warnings


def test_what_was_chosen_by_its_shape_is_told_once() -> None:
    note = "in the calibration data, 'image' is taken for the input 'x': nothing else there has its shape"
    items = [{"image": row, "label": 7} for row in ROWS]
    assert [text for text in read(items, VECTOR_5).warnings if "taken for" in text] == [note]
    assert note not in read([{"x": row, "label": 7} for row in ROWS], VECTOR_5).warnings


def test_several_inputs_are_told_apart_by_name_first_and_by_shape_then() -> None:
    items = [{"a": row, "extra": row[:2], "mask": row} for row in ROWS]
    assert all((sample["b"] == sample["a"][:, :2]).all() for sample in read(items, TWO).fit)


def test_tuples_feed_several_inputs_in_order_and_labels_follow() -> None:
    found = read([(row, row[:2], 3) for row in ROWS], TWO)
    assert all((sample["b"] == sample["a"][:, :2]).all() for sample in found.fit)


@pytest.mark.slow
def test_torch_data_loaders_over_streams_and_datasets_calibrate() -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset

    class Stream(IterableDataset[Any]):  # type: ignore[misc] # torch is not followed
        @override
        def __iter__(self) -> Iterator[Any]:
            for row in torch.from_numpy(ROWS.copy()):
                yield {"image": row, "label": 7}

    dataset = TensorDataset(torch.from_numpy(ROWS.copy()), torch.arange(6))
    for source in (Stream(), DataLoader(Stream(), batch_size=4), dataset, DataLoader(dataset, num_workers=1)):
        assert total(source) == ROWS.sum()
    assert total(Subset(dataset, [1, 3])) == ROWS[[1, 3]].sum()


@pytest.mark.slow
def test_torch_data_loaders_calibrate_with_what_they_yield() -> None:
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    images = torch.from_numpy(ROWS.copy()).requires_grad_()
    loader: Any = DataLoader(TensorDataset(images.detach(), torch.arange(6)), batch_size=4, shuffle=True)
    found = read(loader, VECTOR_5)
    assert sum(v.sum() for v in all_values(found)) == ROWS.sum()
    assert total([images]) == total([images.to(torch.bfloat16)]) == total(images) == ROWS.sum()


def test_an_endless_iterator_ends_at_the_limit() -> None:
    def forever() -> Iterator[Any]:
        number = 0
        while True:
            number += 1
            yield np.full(5, number)

    audience = Audience()
    found = read(forever(), VECTOR_5, limit=7, audience=audience)
    assert len(found.fit) + len(found.held_out) == 7
    assert "only the first 7 samples of the generator were read" in found.warnings


def test_a_list_that_ends_at_the_limit_was_read_whole() -> None:
    assert not any("were read" in text for text in read(list(ROWS), VECTOR_5, limit=6).warnings)


@pytest.mark.parametrize(
    ("items", "signature", "told"),
    [
        ([], VECTOR_5, ("calibration-no-samples",)),
        ([ROWS[0], "cat.jpg"], VECTOR_5, ("calibration-not-an-array", "item 1", "text")),
        ([object()], VECTOR_5, ("calibration-not-an-array", "item 0", "object")),
        ([ROWS[0, :3]], VECTOR_5, ("calibration-shape", "item 0", "'x'", "[3]")),
        (
            [{"y": ROWS, "z": ROWS}],
            VECTOR_5,
            ("calibration-inputs-ambiguous", "'x'", "'y' [6, 5]", "'z' [6, 5]", "'x' [1, 5]"),
        ),
        (
            [{"image": ROWS[:, :3], "label": np.arange(6), "name": "cat"}],
            VECTOR_5,
            ("calibration-input-missing", "'x' missing", "'image' is [6, 3]", "'label' is [6]", "'x' takes [1, 5]"),
        ),
        (
            [{"image": np.zeros((2, 4, 6, 3)), "n": 1}],
            RGB_4X6,
            ("calibration-input-missing", "'x'", "[1, 3, 4, 6]", "NHWC"),
        ),
        (
            [{"c": ROWS}],
            takes(spec(1, 5, name="a"), spec(1, 5, name="b")),
            ("calibration-input-missing", "'a', 'b' missing"),
        ),
        ([(Image.new("RGB", (6, 4)), 7)], RGB_4X6, ("calibration-picture-object", "'x'", "PIL image")),
        ([ROWS[0]], TWO, ("calibration-inputs-unnamed", "item 0", "2 inputs")),
        ([(ROWS[0],)], TWO, ("calibration-input-missing", "item 0", "1 elements", "2 inputs: 'a', 'b'")),
        ([(ROWS, ROWS[:3, :2])], TWO, ("calibration-counts-differ", "6 for 'a'", "3 for 'b'")),
        ([ROWS[0], ROWS[1] * np.nan], VECTOR_5, ("calibration-not-finite", "item 1", "NaN", "'x'")),
    ],
)
def test_an_item_that_does_not_fit_is_named(items: list[Any], signature: Any, told: tuple[str, ...]) -> None:
    with raises_error(*told):
        read(items, signature)


def test_an_error_of_the_users_own_iterable_is_not_hidden() -> None:
    def failing() -> Iterator[Any]:
        yield ROWS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        read(failing(), VECTOR_5)
    assert caught.value.__notes__ == ["raised by the calibration data's own code, at item 1"]
