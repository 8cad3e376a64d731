"""Pools over the whole map, reductions, and movements of data in their cheapest spelling."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import canonical_moves, canonical_reductions, explicit_padding, reduce_before_moves, single_values
from tests.passes.rewriting import Array, floats, ints, model, random, rewrite


@pytest.mark.parametrize(
    ("node", "operator"),
    [
        ("GlobalAveragePool(x)", "ReduceMean"),
        ("GlobalMaxPool(x)", "ReduceMax"),
        ("AveragePool<kernel_shape=[5,6]>(x)", "ReduceMean"),
    ],
)
def test_a_pool_over_the_whole_map_is_a_reduction(node: str, operator: str) -> None:
    source = model(f"(float[1,4,5,6] x) => (float[1,4,1,1] y) {{ y = {node} }}")
    result = rewrite(source, explicit_padding.PASS, canonical_reductions.POOLS)
    assert result.operators == [operator]
    assert result.constant(operator, 1).tolist() == [2, 3]


def test_a_pool_over_a_part_stays() -> None:
    source = model("(float[1,4,5,6] x) => (float[1,4,1,2] y) { y = AveragePool<kernel_shape=[5,5]>(x) }")
    assert rewrite(source, explicit_padding.PASS, canonical_reductions.POOLS).fired[-1] == 0


def test_a_reduction_that_drops_axes_keeps_them_and_reshapes() -> None:
    source = model("(float[1,4,5,6] x) => (float[1,4] y) { y = ReduceMean<keepdims=0>(x, a) }", a=ints(-1, -2))
    result = rewrite(source, canonical_reductions.AXES)
    assert result.operators == ["ReduceMean", "Reshape"]
    assert result.constant("ReduceMean", 1).tolist() == [2, 3]


def test_a_reduction_of_everything_and_one_of_nothing() -> None:
    source = model(
        """(float[2,3] x) => (float[1,1] y, float[2,3] z) {
            r = Relu(x)  y = ReduceMax(r)  n = ReduceMean<noop_with_empty_axes=1>(r)  z = Neg(n)
        }"""
    )
    result = rewrite(source, canonical_reductions.AXES)
    assert result.operators == ["Relu", "ReduceMax", "Neg"]


def test_one_number_broadcasts_without_a_reshape() -> None:
    source = model(
        """(float[1,4,5,6] x) => (float[1,4,5,6] y) {
            m = ReduceMean<keepdims=1>(x)  r = Reshape(m, s)  e = Exp(r)  q = Mul(e, e)  y = Mul(x, q)
        }""",
        s=ints(),
    )
    result = rewrite(source, *[single_values.PASS] * 3)
    assert result.fired == (1, 1, 1)
    assert result.operators == ["ReduceMean", "Exp", "Mul", "Mul"]


def test_one_number_whose_rank_is_seen_keeps_its_reshape() -> None:
    source = model(
        """(float[1,4] x, float[3] z) => (float[3] y) {
            m = ReduceMean<keepdims=1>(x, a)  r = Reshape(m, s)  y = Add(z, r)
        }""",
        a=ints(1),
        s=ints(1),
    )
    assert rewrite(source, single_values.PASS).operators == ["ReduceMean", "Reshape", "Add"]


def test_a_reduction_goes_in_front_of_a_transpose() -> None:
    source = model(
        """(float[1,4,5,6] x) => (float[1,5,1,4] y) {
            t = Transpose<perm=[0,2,3,1]>(x)  y = ReduceMean<keepdims=1>(t, a)
        }""",
        a=ints(2),
    )
    result = rewrite(source, reduce_before_moves.PASS)
    assert result.operators == ["ReduceMean", "Transpose"]
    assert result.constant("ReduceMean", 1).tolist() == [3]


@pytest.mark.parametrize(
    ("shape", "axes", "y", "wanted"),
    [
        ([1, 4, 30], [2], "[1,4,1]", [2, 3]),
        ([1, 4, 1, 5, 6], [3, 4], "[1,4,1,1,1]", [2, 3]),
        ([2, 2, 30], [0, 1], "[1,1,30]", [0, 1]),
        ([4, 5, 6], [0], "[1,5,6]", [0, 1]),
    ],
)
def test_a_reduction_goes_in_front_of_a_reshape(shape: list[int], axes: list[int], y: str, wanted: list[int]) -> None:
    source = model(
        f"(float[1,4,5,6] x) => (float{y} y) {{ r = Reshape(x, s)  y = ReduceMax<keepdims=1>(r, a) }}",
        s=ints(*shape),
        a=ints(*axes),
    )
    result = rewrite(source, reduce_before_moves.PASS)
    assert result.operators == ["ReduceMax", "Reshape"]
    assert result.constant("ReduceMax", 1).tolist() == wanted


def test_a_reshape_that_mixes_axes_stays_in_front() -> None:
    source = model(
        "(float[1,4,5,6] x) => (float[1,2,1] y) { r = Reshape(x, s)  y = ReduceSum<keepdims=1>(r, a) }",
        s=ints(1, 2, 60),
        a=ints(2),
    )
    result = rewrite(source, reduce_before_moves.PASS)
    assert result.reasons == ("the Reshape in front mixes reduced axes with others",)


def test_a_maximum_over_moved_channels_is_a_reduction_of_channels() -> None:
    source = model(
        """(float[1,4,3,5] x) => (float[1,15,1,1] y) {
            r = Reshape(x, s)  t = Transpose<perm=[0,3,1,2]>(r)  y = MaxPool<kernel_shape=[2,2]>(t)
        }""",
        s=ints(1, 2, 2, 15),
    )
    result = rewrite(source, explicit_padding.PASS, reduce_before_moves.PASS, reduce_before_moves.PASS)
    assert result.fired[1:] == (1, 1)
    assert result.operators == ["ReduceMax", "Reshape", "Transpose"]
    assert result.constant("ReduceMax", 1).tolist() == [1]


@pytest.mark.parametrize(("index", "shape"), [(ints(1, 2), "[1,2,3]"), (np.asarray(-1), "[1,3]"), (ints(3), "[1,1,3]")])
def test_a_gather_of_neighbours_is_a_slice(index: Array, shape: str) -> None:
    source = model(f"(float[1,4,3] x) => (float{shape} y) {{ y = Gather<axis=1>(x, i) }}", i=index)
    result = rewrite(source, canonical_moves.GATHER)
    assert result.operators == (["Slice"] if index.ndim else ["Slice", "Reshape"])


def test_a_gather_in_another_order_stays() -> None:
    source = model("(float[1,4,3] x) => (float[1,2,3] y) { y = Gather<axis=1>(x, i) }", i=ints(2, 1))
    assert rewrite(source, canonical_moves.GATHER).reasons == ("its indices are not consecutive",)


def test_a_transpose_of_axes_of_extent_one_is_a_reshape() -> None:
    source = model(
        "(float[1,4,1,3] x) => (float[1,1,4,3] y) { r = Relu(x)  t = Transpose<perm=[0,2,1,3]>(r)  y = Neg(t) }"
    )
    assert rewrite(source, canonical_moves.RESHAPE).operators == ["Relu", "Reshape", "Neg"]


def test_a_transpose_of_an_input_waits_for_its_partner() -> None:
    source = model("(float[1,4,4,1] x) => (float[1,1,4,4] y) { t = Transpose<perm=[0,3,1,2]>(x)  y = Neg(t) }")
    assert rewrite(source, canonical_moves.RESHAPE).operators == ["Transpose", "Neg"]


def test_depth_to_space_of_one_pixel_to_one_channel_is_a_reshape() -> None:
    source = model(
        "(float[1,16,1,1] x) => (float[1,1,4,4] y) { r = Relu(x)  d = DepthToSpace<blocksize=4>(r)  y = Neg(d) }"
    )
    assert rewrite(source, canonical_moves.RESHAPE).operators == ["Relu", "Reshape", "Neg"]


def test_operators_that_broadcast_need_no_expand() -> None:
    source = model(
        "(float[1,4,3] x, float[1,1,3] z) => (float[1,4,3] y) { e = Expand(z, s)  y = Mul(x, e) }", s=ints(1, 4, 3)
    )
    assert rewrite(source, canonical_moves.EXPAND).operators == ["Mul"]


def test_an_expand_that_decides_the_shape_stays() -> None:
    source = model(
        "(float[1,1,3] x) => (float[1,4,3] y) { e = Expand(x, s)  y = Add(e, c) }", s=ints(1, 4, 3), c=random(3)
    )
    result = rewrite(source, canonical_moves.EXPAND)
    assert result.operators == ["Expand", "Add"]
    assert "does not broadcast by itself" in result.reasons[0]


def test_a_softmax_between_transposes_works_on_their_axis() -> None:
    source = model(
        """(float[1,4,3,5] x) => (float[1,4,3,5] y) {
            a = Transpose<perm=[0,2,3,1]>(x)  s = Softmax(a)  y = Transpose<perm=[0,3,1,2]>(s)
        }"""
    )
    result = rewrite(source, canonical_moves.SOFTMAX)
    assert result.operators == ["Softmax"]
    assert result.attribute("Softmax", "axis") == 1


def test_transposes_around_a_softmax_meet_behind_it() -> None:
    source = model(
        """(float[1,4,3,5] x) => (float[1,3,5,4] y) {
            a = Transpose<perm=[0,3,2,1]>(x)  s = Softmax(a)  y = Transpose<perm=[0,2,1,3]>(s)
        }"""
    )
    result = rewrite(source, canonical_moves.SOFTMAX)
    assert result.operators == ["Softmax", "Transpose"]
    assert result.attribute("Softmax", "axis") == 1
    assert result.attribute("Transpose", "perm") == [0, 2, 3, 1]


@pytest.mark.parametrize(("channels", "operators"), [(4, ["DepthToSpace"]), (8, ["Gather", "DepthToSpace"])])
def test_depth_to_space_has_the_order_of_tflite(channels: int, operators: list[str]) -> None:
    source = model(
        f"(float[1,{channels},3,3] x) => (float[1,{channels // 4},6,6] y)"
        ' { y = DepthToSpace<blocksize=2, mode="CRD">(x) }'
    )
    result = rewrite(source, canonical_moves.DEPTH_TO_SPACE)
    assert result.operators == operators
    assert result.attribute("DepthToSpace", "mode") == "DCR"


@pytest.mark.parametrize(
    ("inputs", "settings", "constants"),
    [
        ("x, r, s", "", {"r": floats(), "s": floats(1, 1, 2, 2)}),
        ("x, r, e, s", "", {"r": floats(), "e": floats(), "s": ints(1, 4, 6, 6)}),
        ("x, , s", ", axes=[2,3]", {"s": floats(2, 2)}),
        ("x, , , s", ", axes=[3,2]", {"s": ints(6, 6)}),
    ],
)
def test_a_resize_says_only_what_it_needs(inputs: str, settings: str, constants: dict[str, Array]) -> None:
    source = model(
        f'(float[1,4,3,3] x) => (float[1,4,6,6] y) {{ y = Resize<mode="linear"{settings}>({inputs}) }}', **constants
    )
    result = rewrite(source, *[canonical_moves.RESIZE] * 3)
    node = result.node("Resize")
    assert node.inputs[1] is None
    assert "axes" not in node.attributes
    given = [v for v in node.inputs[2:] if v is not None]
    assert [v.shape for v in given] == [[4]]
