from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.errors import CalibrationError
from tests.calibration.support import VECTOR_5, Audience, all_values, read, spec, takes

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = np.arange(30, dtype=np.float32).reshape(6, 5)
TWO = takes(spec(1, 5, name="a"), spec(1, 2, name="b"))


def total(source: Any) -> float:
    return float(sum(v.sum() for v in all_values(read(source, VECTOR_5))))


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
    ],
)
def test_items_may_be_samples_or_batches_bare_named_or_with_labels(items: list[Any]) -> None:
    assert total(iter(items)) == ROWS.sum()


def test_tuples_feed_several_inputs_in_order_and_labels_follow() -> None:
    found = read([(row, row[:2], 3) for row in ROWS], TWO)
    assert all((sample["b"] == sample["a"][:, :2]).all() for sample in found.fit)


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
    ("items", "signature", "sentence"),
    [
        ([], VECTOR_5, "the calibration list yielded no samples"),
        ([ROWS[0], "cat.jpg"], VECTOR_5, "item 1 of the calibration data is text, not an array"),
        ([object()], VECTOR_5, "item 0 of the calibration data is a object, not an array"),
        ([ROWS[0, :3]], VECTOR_5, r"item 0 of the calibration data, 'x', has the shape \[3\]"),
        ([{"y": ROWS, "z": ROWS}], VECTOR_5, "item 0 of the calibration data holds 'y', 'z', but the model takes 'x'"),
        ([ROWS[0]], TWO, "item 0 of the calibration data is one array, but the model takes 2 inputs"),
        ([(ROWS[0],)], TWO, "item 0 of the calibration data has 1 elements, but the model takes 2 inputs: 'a', 'b'"),
        ([(ROWS, ROWS[:3, :2])], TWO, "different numbers of samples for the inputs: 6 for 'a', 3 for 'b'"),
        ([ROWS[0], ROWS[1] * np.nan], VECTOR_5, "item 1 of the calibration data holds NaN for the input 'x'"),
    ],
)
def test_an_item_that_does_not_fit_is_named(items: list[Any], signature: Any, sentence: str) -> None:
    with pytest.raises(CalibrationError, match=sentence):
        read(items, signature)


def test_an_error_of_the_users_own_iterable_is_not_hidden() -> None:
    def failing() -> Iterator[Any]:
        yield ROWS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(failing(), VECTOR_5)
