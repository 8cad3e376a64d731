"""Normalizations written out."""

from __future__ import annotations

import pytest

from dlpuconv.passes import expand_norms
from tests.error_ids import raises_error
from tests.passes.rewriting import Array, model, positive, random, rewrite

PIECES = ["ReduceMean", "Sub", "Mul", "ReduceMean", "Add", "Sqrt", "Reciprocal", "Mul", "Mul", "Add"]
CASES: list[tuple[str, str, dict[str, Array], list[str]]] = [
    ("[2,3,8]", "LayerNormalization(x, s, b)", {"s": random(8), "b": random(8)}, PIECES),
    ("[2,3,8]", "LayerNormalization<axis=1, epsilon=0.1>(x, s)", {"s": random(3, 8)}, PIECES[:-1]),
    ("[1,4,6,5]", "InstanceNormalization(x, s, b)", {"s": random(4), "b": random(4)}, PIECES),
    ("[1,4,6]", "InstanceNormalization(x, s, b)", {"s": random(4), "b": random(4)}, PIECES),
    ("[1,4,6,5]", "MeanVarianceNormalization(x)", {}, PIECES[:-2]),
    ("[2,6]", "LpNormalization(x)", {}, ["Mul", "ReduceSum", "Sqrt", "Reciprocal", "Mul"]),
    ("[2,6]", "LpNormalization<p=1>(x)", {}, ["Abs", "ReduceSum", "Sqrt", "Reciprocal", "Mul", "Mul"]),
]


@pytest.mark.parametrize(("shape", "node", "constants", "operators"), CASES, ids=[c[1] for c in CASES])
def test_it_is_written_out(shape: str, node: str, constants: dict[str, Array], operators: list[str]) -> None:
    source = model(f"(float{shape} x) => (float{shape} y) {{ y = {node} }}", **constants)
    result = rewrite(source, expand_norms.PASS, decibels=100)
    assert result.fired == (1,)
    assert result.operators == operators


def test_a_computed_scale_belongs_to_channels_too() -> None:
    source = model(
        "(float[1,4,6,4] x, float[4] s, float[4] b) => (float[1,4,6,4] y) { y = InstanceNormalization(x, s, b) }"
    )
    operators = rewrite(source, expand_norms.PASS, decibels=100).operators
    assert [operator for operator in operators if operator != "Reshape"] == PIECES


@pytest.mark.parametrize(("opset", "count"), [(18, 2), (21, 4)])
def test_group_means_are_taken_by_a_convolution(opset: int, count: int) -> None:
    source = model(
        "(float[1,4,6,5] x) => (float[1,4,6,5] y) { y = GroupNormalization<num_groups=2>(x, s, b) }",
        opset,
        s=random(count),
        b=random(count),
    )
    result = rewrite(source, decibels=100)
    means = ["ReduceMean", "Conv", "Sub", "Mul", "ReduceMean", "Conv"]
    assert result.operators == [*means, "Add", "Sqrt", "Reciprocal", "Mul", "Mul", "Add"]
    assert result.model.opset == 20


def test_a_root_mean_square_norm_of_opset_23_is_written_out() -> None:
    source = model("(float[2,8] x) => (float[2,8] y) { y = RMSNormalization(x, s) }", 23, s=random(8))
    operators = ["Mul", "ReduceMean", "Add", "Sqrt", "Reciprocal", "Mul", "Mul"]
    assert rewrite(source, decibels=100).operators == operators


def test_statistics_that_are_used_keep_it_whole() -> None:
    source = model("(float[2,8] x) => (float[2,8] y, float[2,1] m) { y, m = LayerNormalization(x, s) }", s=positive(8))
    assert rewrite(source, expand_norms.PASS).reasons == ("its statistics are used",)


@pytest.mark.parametrize("shape", [(1, 8, 6), (2, 8, 2, 3, 2), (1, 5000, 2, 2)])
def test_groups_of_what_is_no_map_or_has_too_many_channels_for_a_convolution_are_rows(shape: tuple[int, ...]) -> None:
    dims = ",".join(map(str, shape))
    source = model(
        f"(float[{dims}] x) => (float[{dims}] y) {{ y = GroupNormalization<num_groups=2>(x, s, b) }}",
        21,
        s=random(shape[1]),
        b=random(shape[1]),
    )
    assert rewrite(source, decibels=100).operators == ["Reshape", *PIECES[:-2], "Reshape", *PIECES[-2:]]


def test_groups_that_do_not_divide_the_channels_are_refused() -> None:
    source = model(
        "(float[1,4,2,2] x) => (float[1,4,2,2] y) { y = GroupNormalization<num_groups=3>(x, s, b) }",
        21,
        s=random(4),
        b=random(4),
    )
    with raises_error("opset-too-new", "GroupNormalization"):
        rewrite(source)
