"""Outputs that one scale does not suit are found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.network import OutputPiece, Range
from dlpuconv.quantization.mixed_outputs import mixed_outputs, pieces_of, tell_mixed
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from dlpuconv.network import Value
    from tests.network.numpy_network import NumpyNetwork

PIXELS, UNIT = Range(0.0, 640.0), Range(0.0, 1.0)
BESIDE = {"boxes": PIXELS, "scores": UNIT}


def value(b: Builder, name: str, *shape: int, curve: str = "relu") -> Value:
    return b.curve(name, b.input(f"{name}_in", *shape), curve)


def boxes_beside_scores(*, scores: str = "relu", turned: bool = False) -> NumpyNetwork:
    b = Builder()
    boxes = value(b, "boxes", 1, 6, 4)
    behind = b.transpose("behind", value(b, "scores", 1, 6, 3, curve=scores), 0, 1, 2)
    joined = b.concat("out", [boxes, behind], 2)
    return b.network(b.transpose("turned", joined, 0, 2, 1) if turned else joined)


def interleaved() -> NumpyNetwork:
    """Two strides of [1, 2 anchors, side, side, xy + wh + scores] -> [1, cells, 7], as YOLOv5 exports."""
    b = Builder()
    flat = []
    for number, side in enumerate((2, 1)):
        kinds = (("xy", 2), ("wh", 2), ("scores", 3))
        parts = [value(b, f"{kind}{number}", 1, 2, side, side, n) for kind, n in kinds]
        flat.append(b.reshape(f"flat{number}", b.concat(f"head{number}", parts, 4), 1, 2 * side * side, 7))
    return b.network(b.concat("out", flat, 1))


def keypoints(*, coordinates: int = 2, last: bool = False, box: bool = False) -> NumpyNetwork:
    """17 times x, y and visibility of 8 cells: [1, 51, 8], or [1, 8, 51], perhaps behind a box and its score."""
    b = Builder()
    shape = (1, 8, 17, coordinates) if last else (1, 17, coordinates, 8)
    axis = 3 if last else 2
    seen = tuple(1 if number == axis else extent for number, extent in enumerate(shape))
    joined = b.concat("joined", [value(b, "xy", *shape), value(b, "seen", *seen, curve="sigmoid")], axis)
    width = 17 * (coordinates + 1)
    out = b.reshape("points", joined, *((1, 8, width) if last else (1, width, 8)))
    if box:
        ends = [value(b, "boxes", 1, 4, 8), value(b, "scores", 1, 1, 8, curve="sigmoid"), out]
        out = b.concat("out", ends, 1)
    return b.network(out)


POSE = {"xy": PIXELS, "seen": UNIT, "joined": PIXELS, "points": PIXELS, "boxes": PIXELS, "scores": UNIT}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("coordinates", [2, 3])
def test_parts_that_alternate_along_an_axis_are_strides_of_it(coordinates: int, last: bool) -> None:
    network, axis, step = keypoints(coordinates=coordinates, last=last), 2 if last else 1, coordinates + 1
    pieces = pieces_of(network, mixed_outputs(network, POSE))
    assert pieces == [
        OutputPiece(0, axis, 0, 17 * step - 1, step, coordinates),
        OutputPiece(0, axis, coordinates, 17 * step, step),
    ]


def test_parts_that_alternate_stand_behind_others() -> None:
    network = keypoints(box=True)
    pieces = pieces_of(network, mixed_outputs(network, POSE))
    assert pieces == [
        OutputPiece(0, 1, 0, 4), OutputPiece(0, 1, 4, 5), OutputPiece(0, 1, 5, 55, 3, 2), OutputPiece(0, 1, 7, 56, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(("points", "count"), [(17, 2), (2, 4)])
def test_slices_that_alternate_are_two_strides_where_they_do_so_often(points: int, count: int) -> None:
    """As an assignment to every third slice is spelled."""
    b = Builder()
    parts = [(f"xy{i}", 2) if kind else (f"v{i}", 1) for i in range(points) for kind in (1, 0)]
    network = b.network(b.concat("out", [value(b, name, 1, extent, 8) for name, extent in parts], 1))
    ranges = {name: PIXELS if name.startswith("xy") else UNIT for name, _ in parts}
    pieces = pieces_of(network, mixed_outputs(network, ranges))
    assert len(pieces) == count
    if count == 2:
        assert pieces == [OutputPiece(0, 1, 0, 50, 3, 2), OutputPiece(0, 1, 2, 51, 3)]


def test_boxes_and_scores_are_told_apart() -> None:
    network = boxes_beside_scores()
    (mixed,) = mixed_outputs(network, BESIDE)
    assert mixed.steps == pytest.approx(255 / 640)
    assert pieces_of(network, [mixed]) == [OutputPiece(0, 2, 0, 4), OutputPiece(0, 2, 4, 7)]
    assert pieces_of(network, []) == [OutputPiece(0)]


def test_parts_that_are_interleaved_over_several_strides_are_cut_along_one_axis() -> None:
    ranges = {
        f"{kind}{n}": values
        for n in "01"
        for kind, values in (("xy", PIXELS), ("wh", PIXELS), ("scores", UNIT), ("head", PIXELS))
    }
    network = interleaved()
    pieces = pieces_of(network, mixed_outputs(network, ranges))
    assert pieces == [OutputPiece(0, 2, 0, 4), OutputPiece(0, 2, 4, 7)], "xy and wh get on with one scale"


def test_an_axis_is_followed_through_a_transpose() -> None:
    network = boxes_beside_scores(turned=True)
    assert pieces_of(network, mixed_outputs(network, BESIDE)) == [OutputPiece(0, 1, 0, 4), OutputPiece(0, 1, 4, 7)]


@pytest.mark.parametrize(("low", "count"), [(16.5 / 255, 0), (15.5 / 255, 1)])
def test_sixteen_steps_for_the_narrowest_part_are_enough(low: float, count: int) -> None:
    ranges = {"boxes": UNIT, "scores": Range(0.0, low)}
    assert len(mixed_outputs(boxes_beside_scores(), ranges)) == count


def test_a_part_that_is_always_zero_is_no_reason_to_cut() -> None:
    assert not mixed_outputs(boxes_beside_scores(), {"boxes": PIXELS, "scores": Range(0.0, 0.0)})


def test_scores_that_calibration_hardly_saw_still_need_all_of_their_sigmoid_s_scale() -> None:
    network = boxes_beside_scores(scores="sigmoid")
    assert not mixed_outputs(network, {"boxes": UNIT, "scores": Range(0.0, 0.01), "behind": Range(0.0, 0.01)})


def test_the_warning_names_the_ranges_and_what_became_of_them() -> None:
    network = boxes_beside_scores()
    mixed = mixed_outputs(network, BESIDE)
    (split,) = tell_mixed(network, mixed)
    (kept,) = tell_mixed(network, mixed, "--split-outputs off asks")
    assert "(0 to 640, 0 to 1)" in split
    assert "2 outputs, out_part0 to out_part1" in split
    assert "kept whole, as --split-outputs off asks" in kept


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=8))
def test_no_part_is_starved_after_the_cut(widths: list[float]) -> None:
    b = Builder()
    network = b.network(b.concat("out", [value(b, f"p{number}", 1, 2) for number in range(len(widths))], 1))
    ranges = {f"p{number}": Range(0.0, width) for number, width in enumerate(widths)}
    for mixed in mixed_outputs(network, ranges):
        places = [span.stride.places for span in mixed.spans]
        assert sorted(np.concatenate(places)) == list(range(2 * len(widths)))
        for some in places:
            inside = [widths[place // 2] for place in some]
            assert min(inside) * 255 >= 15.99 * max(inside)
