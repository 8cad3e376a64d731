"""Resizes of a map with an axis of extent 1: copies, equal to what ONNX Runtime makes of the source."""

from __future__ import annotations

import pytest

from dlpuconv.passes import attributes, canonical_moves, spread_one
from tests.passes.rewriting import Array, floats, ints, model, rewrite

PLACES = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("size", [33, 80])
def test_a_resize_of_a_single_pixel_is_a_copy(mode: str, place: str, size: int) -> None:
    source = model(
        f"(float[1,4,1,1] x) => (float[1,4,{size},{size}] y) {{"
        f' y = Resize<mode="{mode}", coordinate_transformation_mode="{place}">(x, , , s) }}',
        s=ints(1, 4, size, size),
    )
    result = rewrite(source, spread_one.PASS)
    assert result.operators == ["Resize"]
    assert result.attribute("Resize", "mode") == "nearest"
    assert result.attribute("Resize", "coordinate_transformation_mode") == "asymmetric"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("inputs", "constants"),
    [
        ("x, , , s", {"s": ints(1, 4, 8, 10)}),
        ("x, , s", {"s": floats(1, 1, 8, 2)}),
        ("x, , s", {"s": floats(1, 1, 8.5, 2.1)}),
    ],
)
def test_longer_axes_are_interpolated_before(place: str, inputs: str, constants: dict[str, Array]) -> None:
    source = model(
        "(float[1,4,1,5] x) => (float[1,4,8,10] y) {"
        f' y = Resize<mode="linear", coordinate_transformation_mode="{place}">({inputs}) }}',
        **constants,
    )
    result = rewrite(source, spread_one.PASS)
    assert [attributes.text(node, "mode", "") for node in result.model.graph.graph] == ["linear", "nearest"]


def test_axes_that_are_named_are_found_too() -> None:
    source = model(
        '(float[1,4,1,5] x) => (float[1,4,8,10] y) { y = Resize<mode="linear", axes=[3,2]>(x, , s) }', s=floats(2, 8)
    )
    assert rewrite(source, canonical_moves.RESIZE, spread_one.PASS).operators == ["Resize", "Resize"]


@pytest.mark.parametrize(
    ("shape", "after", "settings"),
    [
        ("1,4,2,2", "1,4,8,8", 'mode="linear"'),
        ("1,4,1,1", "1,4,1,1", 'mode="linear"'),
        ("1,4,1,1", "1,4,8,8", 'mode="nearest"'),
    ],
)
def test_other_resizes_are_left_alone(shape: str, after: str, settings: str) -> None:
    source = model(
        f"(float[{shape}] x) => (float[{after}] y) {{ y = Resize<{settings}>(x, , , s) }}",
        s=ints(*map(int, after.split(","))),
    )
    result = rewrite(source, spread_one.PASS)
    assert result.operators == ["Resize"]
    assert settings in f'mode="{result.attribute("Resize", "mode")}"'


def test_scales_beside_left_out_sizes_are_kept_as_they_are() -> None:
    source = model(
        '(float[1,4,1,3] x) => (float[1,4,5,6] y) { y = Resize<mode="linear">(x, , s, ) }', s=floats(1, 1, 5, 2)
    )
    assert rewrite(source, canonical_moves.RESIZE).operators == ["Resize"]
    assert rewrite(source, spread_one.PASS, canonical_moves.RESIZE).operators == ["Resize", "Resize"]
