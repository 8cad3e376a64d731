"""Resizing that TFLite has no operator for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dlpuconv.passes import resize_by_matrices
from tests.passes.rewriting import Array, floats, ints, model, rewrite

ANTIALIASED, POLICY = resize_by_matrices.ANTIALIASED, resize_by_matrices.POLICY
PIECES = ["Transpose", "Reshape", "MatMul", "Reshape", "MatMul", "Transpose"]
MODES = ("half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel", "half_pixel_symmetric")


@pytest.mark.parametrize(("mode", "coordinates"), list(itertools.product(("linear", "cubic"), MODES)))
@pytest.mark.parametrize(
    ("settings", "inputs", "constant", "result"),
    [
        ("", ",,,k", ints(1, 3, 6, 5), (6, 5)),
        ("exclude_outside=1, cubic_coeff_a=-0.5, ", ",,,k", ints(1, 3, 17, 7), (17, 7)),
        ("", ",,k", floats(1, 1, 0.55, 0.6), (6, 6)),
        ("axes=[3,2], ", ",,,k", ints(4, 7), (7, 4)),
        ("axes=[3], ", ",,k", floats(0.35), (12, 3)),
    ],
)
def test_antialiasing_is_two_products(
    mode: str, coordinates: str, settings: str, inputs: str, constant: Array, result: tuple[int, int]
) -> None:
    text = (
        f"(float[1,3,12,10] x) => (float[1,3,{result[0]},{result[1]}] y) {{ y = Resize<{settings}antialias=1,"
        f' mode="{mode}", coordinate_transformation_mode="{coordinates}">(x{inputs}) }}'
    )
    assert rewrite(model(text, k=constant), ANTIALIASED).operators == PIECES


def test_antialiasing_of_an_enlargement_is_none() -> None:
    text = '(float[1,3,6,5] x) => (float[1,3,9,10] y) { y = Resize<mode="linear", antialias=1>(x,,,k) }'
    result = rewrite(model(text, k=ints(1, 3, 9, 10)), ANTIALIASED)
    assert "antialias" not in result.node("Resize").attributes


def test_other_axes_than_height_and_width_stay() -> None:
    text = '(float[1,1,6,8] x) => (float[1,1,3,8] y) { y = Resize<mode="linear", antialias=1>(x,,,k) }'
    assert rewrite(model(text, k=ints(1, 1, 3, 8)), ANTIALIASED).operators == PIECES
    text = '(float[6,8] x) => (float[3,8] y) { y = Resize<mode="linear", antialias=1>(x,,,k) }'
    assert rewrite(model(text, k=ints(3, 8)), ANTIALIASED).reasons[0].startswith("it does not resize height and width")


@pytest.mark.parametrize(("policy", "result"), [("not_larger", (8, 4)), ("not_smaller", (12, 6))])
def test_a_policy_is_one_scale(policy: str, result: tuple[int, int]) -> None:
    text = (
        f'(float[1,3,10,5] x) => (float[1,3,{result[0]},{result[1]}] y) {{ y = Resize<axes=[2,3], mode="linear",'
        f' keep_aspect_ratio_policy="{policy}">(x,,,k) }}'
    )
    made = rewrite(model(text, k=ints(8, 6)), POLICY)
    assert made.fired == (1,)
    assert "keep_aspect_ratio_policy" not in made.node("Resize").attributes


def test_a_policy_that_rounds_up_stays() -> None:
    text = (
        '(float[1,3,10,7] x) => (float[1,3,5,4] y) { y = Resize<axes=[2,3], mode="linear",'
        ' keep_aspect_ratio_policy="not_larger">(x,,,k) }'
    )
    assert rewrite(model(text, k=ints(5, 9)), POLICY).reasons == ("no scale gives its extents, which are rounded up",)


def test_a_policy_that_rounds_down_is_a_scale() -> None:
    text = (
        '(float[1,3,10,8] x) => (float[1,3,3,2] y) { y = Resize<axes=[2,3], mode="linear",'
        ' keep_aspect_ratio_policy="not_larger">(x,,,k) }'
    )
    made = rewrite(model(text, k=ints(3, 9)), POLICY)
    assert np.allclose(made.constant("Resize", 2), 0.3)
