"""BatchNormalization and factors and summands by channel, folded into weights."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import (
    canonical_arithmetic,
    explicit_padding,
    fold_affine,
    fold_batch_norm,
    spell_affine,
)
from tests.passes.rewriting import Array, model, positive, random, rewrite, scalar


def norm(channels: int) -> dict[str, Array]:
    return {"s": random(channels), "b": random(channels), "m": random(channels, 1).ravel(), "v": positive(channels)}


BN = "BatchNormalization(c, s, b, m, v)"
LINEAR: dict[str, tuple[str, str, dict[str, Array]]] = {
    "Conv": ("float[1,3,6,6] x", "Conv(x, w)", {"w": random(4, 3, 3, 3)}),
    "Conv with bias": ("float[1,3,6,6] x", "Conv(x, w, o)", {"w": random(4, 3, 3, 3), "o": random(4)}),
    "grouped Conv": ("float[1,4,6,6] x", "Conv<group=2>(x, w)", {"w": random(4, 2, 3, 3)}),
    "ConvTranspose": ("float[1,3,2,2] x", "ConvTranspose(x, w)", {"w": random(3, 4, 3, 3)}),
    "grouped ConvTranspose": ("float[1,6,2,2] x", "ConvTranspose<group=2>(x, w)", {"w": random(6, 2, 3, 3)}),
}


@pytest.mark.parametrize("name", LINEAR)
def test_a_batch_normalization_goes_into_the_operator_in_front(name: str) -> None:
    x, node, constants = LINEAR[name]
    source = model(f"({x}) => (float[1,4,4,4] y) {{ c = {node}  y = {BN} }}", **constants, **norm(4))
    result = rewrite(source, fold_batch_norm.BACKWARD)
    assert result.fired == (1,)
    assert result.operators == [name.split()[-1] if "bias" not in name else "Conv"]


@pytest.mark.parametrize(
    ("node", "constants"),
    [
        ("Gemm<transB=1>(x, w, o)", {"w": random(4, 3), "o": random(4)}),
        ("Gemm<beta=0.5>(x, w, o)", {"w": random(3, 4), "o": random(1, 4)}),
        ("Gemm(x, w, o)", {"w": random(3, 4), "o": random(1)}),
        ("Gemm(x, w)", {"w": random(3, 4)}),
    ],
)
def test_a_batch_normalization_goes_into_a_gemm(node: str, constants: dict[str, Array]) -> None:
    source = model(f"(float[2,3] x) => (float[2,4] y) {{ c = {node}  y = {BN} }}", **constants, **norm(4))
    assert rewrite(source, fold_batch_norm.BACKWARD).operators == ["Gemm"]


def test_by_hand_a_folded_batch_normalization_is_gamma_over_sigma() -> None:
    source = model(
        """(float[1,1,1,1] x) => (float[1,1,1,1] y) {
            c = Conv(x, w, o)  y = BatchNormalization<epsilon=0.0>(c, s, b, m, v)
        }""",
        w=np.full((1, 1, 1, 1), 3, np.float32),
        o=np.asarray([5], np.float32),
        s=np.asarray([2], np.float32),
        b=np.asarray([7], np.float32),
        m=np.asarray([1], np.float32),
        v=np.asarray([4], np.float32),
    )
    result = rewrite(source, fold_batch_norm.BACKWARD)
    assert result.constant("Conv", 1).item() == 3  # 3 * 2 / sqrt(4)
    assert result.constant("Conv", 2).item() == 11  # (5 - 1) * 2 / sqrt(4) + 7


def test_parameters_behind_identity_are_folded() -> None:
    source = model(
        """(float[1,3,4,4] x) => (float[1,4,4,4] y) {
            i = Identity(s)  k = Identity(w)  c = Conv(x, k)  y = BatchNormalization(c, i, b, m, v)
        }""",
        w=random(4, 3, 1, 1),
        **norm(4),
    )
    assert rewrite(source, fold_batch_norm.BACKWARD).operators == ["Conv"]


def test_a_convolution_that_others_read_is_left_alone() -> None:
    source = model(
        f"(float[1,3,4,4] x) => (float[1,4,4,4] y, float[1,4,4,4] z) {{ c = Conv(x, w)  y = {BN}  z = Relu(c) }}",
        w=random(4, 3, 1, 1),
        **norm(4),
    )
    result = rewrite(source, fold_batch_norm.BACKWARD)
    assert result.operators == ["Conv", "BatchNormalization", "Relu"]
    assert result.reasons == ("other operators read c, too",)


def test_a_batch_normalization_behind_a_concat_goes_into_each_part() -> None:
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,6,4,4] y) {{
            a = Conv(x, w)  d = Conv(x, k)  c = Concat<axis=1>(a, d)  y = {BN}
        }}""",
        w=random(4, 3, 1, 1),
        k=random(2, 3, 1, 1),
        **norm(6),
    )
    assert rewrite(source, fold_batch_norm.BACKWARD).operators == ["Conv", "Conv", "Concat"]


def test_a_batch_normalization_behind_a_sum_and_a_resize_goes_into_both_terms() -> None:
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,4,8,8] y) {{
            a = Conv(x, w)  d = Conv(x, k)  e = Add(a, d)  c = Resize<mode="linear">(e, , z)  y = {BN}
        }}""",
        w=random(4, 3, 1, 1),
        k=random(4, 3, 1, 2)[..., :1],
        z=np.asarray([1, 1, 2, 2], np.float32),
        **norm(4),
    )
    assert rewrite(source, fold_batch_norm.BACKWARD).operators == ["Conv", "Conv", "Add", "Resize"]


def test_one_part_that_cannot_take_it_leaves_all_as_they_were() -> None:
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,7,4,4] y) {{
            a = Conv(x, w)  r = Relu(x)  c = Concat<axis=1>(a, r)  y = {BN}
        }}""",
        w=random(4, 3, 1, 1),
        **norm(7),
    )
    result = rewrite(source, fold_batch_norm.BACKWARD)
    assert result.operators == ["Conv", "Relu", "Concat", "BatchNormalization"]
    assert result.reasons == ("its input is made by Relu, which has no weights to take a factor",)


def test_a_lone_batch_normalization_becomes_a_product_and_a_sum_and_then_one_depthwise_convolution() -> None:
    source = model(f"(float[1,4,5,5] x) => (float[1,4,5,5] y) {{ c = Relu(x)  y = {BN} }}", **norm(4))
    assert rewrite(source, fold_batch_norm.SPELL_OUT).operators == ["Relu", "Mul", "Add"]
    result = rewrite(source, fold_batch_norm.SPELL_OUT, spell_affine.DEPTHWISE)
    assert result.operators == ["Relu", "Conv"]
    assert result.attribute("Conv", "group") == 4


def test_a_batch_normalization_in_front_of_a_convolution_goes_into_it() -> None:
    source = model(
        f"(float[1,4,5,5] x) => (float[1,4,3,3] y) {{ c = Relu(x)  n = {BN}  y = Conv<group=2>(n, w) }}",
        w=random(4, 2, 3, 3),
        **norm(4),
    )
    passes = (explicit_padding.PASS, fold_batch_norm.SPELL_OUT, *[fold_affine.IN_FRONT] * 2)
    assert rewrite(source, *passes).operators == ["Relu", "Conv"]


def test_in_front_of_a_padding_convolution_only_the_factor_is_folded() -> None:
    source = model(
        "(float[1,4,5,5] x) => (float[1,2,5,5] y) { p = Mul(x, a)  n = Add(p, t)  y = Conv<pads=[1,1,1,1]>(n, w) }",
        a=scalar(0.5),
        t=scalar(3),
        w=random(2, 4, 3, 3),
    )
    result = rewrite(source, explicit_padding.PASS, fold_affine.IN_FRONT)
    assert result.operators == ["Add", "Conv"]
    assert result.constant("Add", 1).item() == 6


def test_a_summand_in_front_of_a_padding_convolution_stays() -> None:
    source = model(
        "(float[1,4,5,5] x) => (float[1,2,5,5] y) { n = Add(x, t)  y = Conv<pads=[1,1,1,1]>(n, w) }",
        t=scalar(3),
        w=random(2, 4, 3, 3),
    )
    result = rewrite(source, explicit_padding.PASS, fold_affine.IN_FRONT)
    assert result.operators == ["Add", "Conv"]
    assert "which the Add does not change" in result.reasons[0]


@pytest.mark.parametrize("transposed", [0, 1])
def test_factors_in_front_of_a_gemm_go_into_its_columns(transposed: int) -> None:
    source = model(
        f"(float[2,4] x) => (float[2,3] y) {{ p = Mul(a, x)  n = Add(t, p)  y = Gemm<transB={transposed}>(n, w, o) }}",
        a=random(4),
        t=random(1, 4),
        w=random(3, 4) if transposed else random(4, 3),
        o=random(3),
    )
    assert rewrite(source, *[fold_affine.IN_FRONT] * 2).operators == ["Gemm"]


def test_factors_behind_a_convolution_go_into_it() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { c = Conv(x, w)  p = Mul(c, a)  d = Sub(p, t)  y = Div(d, e) }",
        w=random(2, 3, 1, 1),
        a=random(1, 2, 1, 1),
        t=random(2, 1, 1),
        e=scalar(4),
    )
    passes = (canonical_arithmetic.PASS, *[fold_affine.BEHIND] * 3)
    assert rewrite(source, *passes).operators == ["Conv"]


def test_a_constant_that_varies_over_the_map_stays() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { c = Conv(x, w)  y = Mul(c, a) }", w=random(2, 3, 1, 1), a=random(4)
    )
    result = rewrite(source, fold_affine.BEHIND)
    assert result.reasons == ("the constant has not one value per channel",)


def test_products_and_sums_merge() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,3,4,4] y) { a = Mul(x, p)  b = Add(a, q)  c = Mul(r, b)  y = Add(c, q) }",
        p=random(3, 1, 1),
        q=scalar(2),
        r=scalar(3),
    )
    result = rewrite(source, *[fold_affine.MERGE] * 4)
    assert result.operators == ["Mul", "Add"]
