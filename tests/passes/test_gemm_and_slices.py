"""Matrix products, Slices with steps and the shortcuts of CIFAR's ResNets."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import matmul_to_gemm, strided_slice
from tests.passes.rewriting import ints, model, random, rewrite


def test_a_matmul_of_matrices_is_a_gemm() -> None:
    source = model("(float[2,3] x) => (float[2,4] y) { y = MatMul(x, w) }", w=random(3, 4))
    result = rewrite(source, matmul_to_gemm.TO_GEMM)
    assert result.operators == ["Gemm"]
    assert result.attribute("Gemm", "transB") == 1
    assert result.constant("Gemm", 1).shape == (4, 3)


def test_a_matmul_of_higher_rank_stays() -> None:
    source = model("(float[1,2,3] x) => (float[1,2,4] y) { y = MatMul(x, w) }", w=random(3, 4))
    assert rewrite(source, matmul_to_gemm.TO_GEMM).reasons == ("its operands are not of rank 2",)


def test_alpha_and_beta_go_into_weights_and_bias() -> None:
    source = model(
        "(float[2,3] x) => (float[2,4] y) { y = Gemm<alpha=0.5, beta=2.0>(x, w, b) }", w=random(3, 4), b=random(4)
    )
    result = rewrite(source, matmul_to_gemm.PLAIN)
    assert set(result.node("Gemm").attributes) == set()
    np.testing.assert_allclose(result.constant("Gemm", 2), random(4) * 2)


@pytest.mark.parametrize(("x", "z", "turned"), [("2,3", "3,4", 0), ("3,2", "4,3", 1)])
def test_a_gemm_of_two_computed_matrices_is_a_matmul(x: str, z: str, turned: int) -> None:
    source = model(
        f"(float[{x}] x, float[{z}] z, float[4] b) => (float[2,4] y) {{"
        f" y = Gemm<alpha=0.5, beta=2.0, transA={turned}, transB={turned}>(x, z, b) }}"
    )
    result = rewrite(source, matmul_to_gemm.PLAIN)
    assert result.operators == ["Transpose"] * 2 * turned + ["MatMul", "Mul", "Mul", "Add"]


def test_a_bias_that_is_computed_is_added_behind_the_gemm() -> None:
    source = model("(float[2,3] x, float[4] b) => (float[2,4] y) { y = Gemm(x, w, b) }", w=random(3, 4))
    result = rewrite(source, matmul_to_gemm.PLAIN, matmul_to_gemm.TO_GEMM)
    assert result.operators == ["Gemm", "Add"]


HALF = {"z": ints(0), "e": ints(2**63 - 1), "h": ints(2), "w": ints(3), "two": ints(2)}
SLICES = "a = Slice(x, z, e, h, two)  b = Slice(a, z, e, w, two)"


@pytest.mark.parametrize("extent", [8, 7])
def test_a_strided_shortcut_with_padded_channels_is_one_convolution(extent: int) -> None:
    source = model(
        f"(float[1,3,{extent},{extent}] x) => (float[1,6,4,4] y) {{ {SLICES}  y = Pad(b, p) }}",
        p=ints(0, 1, 0, 0, 0, 2, 0, 0),
        **HALF,
    )
    result = rewrite(source, strided_slice.MERGE, strided_slice.SHORTCUT)
    assert result.fired == (1, 1)
    assert result.operators == ["Conv"]
    assert result.attribute("Conv", "strides") == [2, 2]
    assert result.constant("Conv", 1)[:, :, 0, 0].tolist() == [
        [0, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]


def test_a_shortcut_of_more_channels_than_any_network_has_is_left_alone() -> None:
    """Its weights would be the square of them."""
    source = model(
        f"(float[1,3000,8,8] x) => (float[1,3003,4,4] y) {{ {SLICES}  y = Pad(b, p) }}",
        p=ints(0, 1, 0, 0, 0, 2, 0, 0),
        **HALF,
    )
    assert rewrite(source, strided_slice.MERGE, strided_slice.SHORTCUT).operators == ["Slice", "Pad"]


def test_a_strided_slice_alone_is_a_pool_of_one_pixel() -> None:
    source = model(f"(float[1,3,8,8] x) => (float[1,3,4,4] b) {{ {SLICES} }}", **HALF)
    result = rewrite(source, strided_slice.MERGE, strided_slice.POOL)
    assert result.operators == ["MaxPool"]


def test_a_slice_that_begins_elsewhere_is_no_pool() -> None:
    source = model(
        "(float[1,3,8,8] x) => (float[1,3,4,4] y) { y = Slice(x, s, e, a, t) }",
        s=ints(1, 0),
        e=ints(9, 9),
        a=ints(2, 3),
        t=ints(2, 2),
    )
    assert rewrite(source, strided_slice.POOL).operators == ["Slice"]


def test_slices_of_one_axis_merge() -> None:
    source = model(
        "(float[1,12] x) => (float[1,2] y) { a = Slice(x, s, e, x1, t)  y = Slice(a, s, f, x1, t) }",
        s=ints(1),
        e=ints(-1),
        f=ints(4),
        x1=ints(1),
        t=ints(2),
    )
    result = rewrite(source, strided_slice.MERGE)
    assert result.operators == ["Slice"]
    assert [result.constant("Slice", i).tolist() for i in (1, 2, 3, 4)] == [[3], [8], [1], [4]]


def test_a_slice_that_runs_backwards_stays() -> None:
    source = model(
        "(float[1,6] x) => (float[1,3] y) { a = Slice(x, s, e, x1, m)  y = Slice(a, z, h, x1) }",
        s=ints(5),
        e=ints(-9),
        x1=ints(1),
        m=ints(-1),
        z=ints(0),
        h=ints(3),
    )
    assert rewrite(source, strided_slice.MERGE).operators == ["Slice", "Slice"]
