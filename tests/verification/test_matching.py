"""Matching a file's inputs and outputs with the source model's."""

from __future__ import annotations

from dlpuconv.formats import FileView, TensorView
from dlpuconv.ir import Layout, ValueSpec
from dlpuconv.verification.matching import match
from tests.error_ids import raises_error


def view(*tensors: tuple[str, tuple[int, ...]]) -> FileView:
    made = tuple(TensorView(index=i, name=n, shape=s, dtype="uint8") for i, (n, s) in enumerate(tensors))
    return FileView(format="tflite", tensors=made, layers=(), inputs=(), outputs=tuple(range(len(made))))


def spec(name: str, shape: tuple[int, ...]) -> ValueSpec:
    return ValueSpec(name=name, shape=shape, dtype="float32", layout=Layout.PLAIN)


def matched(file: FileView, *wanted: ValueSpec) -> list[tuple[str, str, tuple[int, ...]]]:
    return [(name, p.name, p.permutation) for name, p in match(file, file.outputs, wanted, "output")]


def test_an_image_is_found_with_its_channels_last() -> None:
    assert matched(view(("in", (1, 32, 48, 3))), spec("x", (1, 3, 32, 48))) == [("in", "x", (0, 2, 3, 1))]


def test_an_image_that_kept_its_layout_is_found_as_it_is() -> None:
    assert matched(view(("in", (1, 3, 32, 48))), spec("x", (1, 3, 32, 48))) == [("in", "x", (0, 1, 2, 3))]


def test_a_name_that_is_known_comes_before_positions() -> None:
    file, wanted = view(("a", (1, 4)), ("b_logits", (1, 4))), [spec("b", (1, 4))]
    assert matched(file, *wanted) == [("a", "b", (0, 1))]
    (found,) = match(file, file.outputs, wanted, "output", known={"b_logits": "b"})
    assert (found[0], found[1].name) == ("b_logits", "b")


def test_names_come_before_positions_and_may_be_decorated() -> None:
    file = view(("serving_default_b:0", (1, 4)), ("a", (1, 4)))
    assert [m[:2] for m in matched(file, spec("a", (1, 4)), spec("b", (1, 4)))] == [
        ("a", "a"),
        ("serving_default_b:0", "b"),
    ]


def test_without_names_the_shape_decides() -> None:
    file = view(("p", (1, 10)), ("q", (1, 5, 5, 2)))
    found = matched(file, spec("boxes", (1, 2, 5, 5)), spec("classes", (1, 10)))
    assert [m[:2] for m in found] == [("q", "boxes"), ("p", "classes")]


def test_rank_3_keeps_its_order_where_it_can_and_is_transposed_where_it_must() -> None:
    assert matched(view(("y", (1, 25, 85))), spec("y", (1, 25, 85)))[0][2] == (0, 1, 2)
    assert matched(view(("y", (1, 85, 25))), spec("y", (1, 25, 85)))[0][2] == (0, 2, 1)


def test_axes_of_one_may_come_and_go() -> None:
    assert matched(view(("y", (1, 1, 1, 10))), spec("y", (1, 10)))[0][:2] == ("y", "y")


def test_what_has_no_counterpart_is_named_with_what_is_left() -> None:
    with raises_error("ports-unmatched", "'y' [1, 7]", ": p"):
        matched(view(("p", (1, 10))), spec("y", (1, 7)))
