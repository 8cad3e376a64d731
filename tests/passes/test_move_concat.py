"""What is joined along the axis of batches, and then moved."""

from __future__ import annotations

import pytest

from dlpuconv.passes import move_concat
from tests.passes.rewriting import ints, model, rewrite


@pytest.mark.parametrize("move", ["Transpose<perm=[1,0,2,3]>(c)", "Reshape(c, s)"])
def test_channels_that_are_joined_as_a_batch_are_joined_as_channels(move: str) -> None:
    source = model(
        f"(float[1,1,4,4] a, float[2,1,4,4] b) => (float[1,3,4,4] y) {{ c = Concat<axis=0>(a, b)  y = {move} }}",
        s=ints(1, 3, 4, 4),
    )
    result = rewrite(source, move_concat.PASS, decibels=300)
    assert result.operators == ["Reshape", "Reshape", "Concat"]
    assert result.node("Concat").attributes["axis"].as_int() == 1


@pytest.mark.parametrize(
    ("join", "move"),
    [
        ("Concat<axis=1>(a, a)", "Transpose<perm=[0,2,1,3]>(c)"),
        ("Concat<axis=0>(a, a)", "Transpose<perm=[1,2,0,3]>(c)"),
        ("Concat<axis=0>(a, a)", "Reshape(c, s)"),
    ],
)
def test_what_moves_elements_or_parts_of_other_axes_stays(join: str, move: str) -> None:
    source = model(f"(float[1,1,4,3] a) => (float[1,4,2,3] y) {{ c = {join}  y = {move} }}", s=ints(1, 4, 2, 3))
    assert rewrite(source, move_concat.PASS).fired == (0,)


def test_what_is_read_elsewhere_stays() -> None:
    source = model(
        "(float[1,1,4,4] a) => (float[1,2,4,4] y, float[2,1,4,4] z)"
        " { c = Concat<axis=0>(a, a)  y = Reshape(c, s)  z = Relu(c) }",
        s=ints(1, 2, 4, 4),
    )
    assert rewrite(source, move_concat.PASS).fired == (0,)
