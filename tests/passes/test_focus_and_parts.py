"""Focus layers, values that are joined and taken apart again, and group norms in pieces."""

from __future__ import annotations

import pytest

from dlpuconv.passes import (
    absorb_channel_gather,
    canonical_moves,
    expand_norms,
    explicit_padding,
    fold_distribution,
    fold_space_to_depth,
    part_of_concat,
    recognise_channel_gather,
)
from tests.passes.rewriting import Array, ints, model, random, rewrite

STEPS = {"e": ints(8, 8), "a": ints(2, 3), "t": ints(2, 2)}
CORNERS = {"s0": ints(0, 0), "s1": ints(1, 0), "s2": ints(0, 1), "s3": ints(1, 1)}
SLICES = "  ".join(f"f{i} = Slice(x, s{i}, e, a, t)" for i in range(4))


FOCUS = (
    explicit_padding.PASS,
    recognise_channel_gather.PASS,
    absorb_channel_gather.FORWARD,
    fold_space_to_depth.PASS,
)


@pytest.mark.parametrize("order", ["f0, f1, f2, f3", "f0, f2, f1, f3", "f0, f0, f2, f3"])
def test_a_focus_layer_goes_into_the_convolution(order: str) -> None:
    source = model(
        f"""(float[1,3,8,8] x) => (float[1,5,4,4] y) {{
            {SLICES}  c = Concat<axis=1>({order})  y = Conv<pads=[1,1,1,1]>(c, w, b)
        }}""",
        w=random(5, 12, 3, 3),
        b=random(5),
        **STEPS,
        **CORNERS,
    )
    result = rewrite(source, *FOCUS)
    assert result.fired[-1] == 1
    assert result.operators == ["Conv"]
    assert result.attribute("Conv", "kernel_shape") == [6, 6]
    assert result.attribute("Conv", "pads") == [2, 2, 2, 2]


def test_a_convolution_of_groups_keeps_the_blocks_in_front() -> None:
    source = model(
        f"""(float[1,3,8,8] x) => (float[1,6,4,4] y) {{
            {SLICES}  c = Concat<axis=1>(f0, f2, f1, f3)  y = Conv<pads=[1,1,1,1], group=3>(c, g)
        }}""",
        g=random(6, 4, 3, 3),
        **STEPS,
        **CORNERS,
    )
    result = rewrite(source, *FOCUS)
    assert result.operators == ["SpaceToDepth", "Conv"]
    assert result.reasons == ("the Conv has computed weights, a dilation or groups",)


def test_offsets_of_two_maps_are_no_focus_layer() -> None:
    source = model(
        f"""(float[1,3,8,8] x) => (float[1,5,4,4] y) {{
            n = Neg(x)  f4 = Slice(n, s3, e, a, t)  {SLICES}  c = Concat<axis=1>(f0, f1, f2, f4)  y = Conv(c, w)
        }}""",
        w=random(5, 12, 1, 1),
        **STEPS,
        **CORNERS,
    )
    assert rewrite(source, *FOCUS).fired[1:] == (0, 0, 0)


@pytest.mark.parametrize("perm", [(0, 1, 3, 5, 2, 4), (0, 3, 5, 1, 2, 4), (0, 3, 1, 5, 2, 4)])
def test_a_pixel_unshuffle_in_any_order_goes_into_the_convolution(perm: tuple[int, ...]) -> None:
    source = model(
        f"""(float[1,3,6,9] x) => (float[1,4,2,3] y) {{
            r = Reshape(x, six)  t = Transpose<perm=[{", ".join(map(str, perm))}]>(r)  c = Reshape(t, four)
            y = Conv<pads=[1,0,1,0]>(c, w)
        }}""",
        six=ints(1, 3, 2, 3, 3, 3),
        four=ints(1, 27, 2, 3),
        w=random(4, 27, 3, 1),
    )
    result = rewrite(source, *FOCUS)
    assert result.operators == ["Conv"]
    assert result.attribute("Conv", "strides") == [3, 3]


HEAD = """(float[1,4,3,3] x, float[1,4,2,2] z) => (float[1,4,13] y, float[1,2,13] v) {
    a = Conv(x, w)  b = Conv(x, u)  c = Concat<axis=1>(a, b)  d = Reshape(c, r)
    e = Conv(z, w)  f = Conv(z, u)  g = Concat<axis=1>(e, f)  h = Reshape(g, r)
    j = Concat<axis=2>(d, h)  BEHIND
}"""
WEIGHTS = {"w": random(4, 4, 1, 1), "u": random(2, 4, 1, 2)[..., :1], "r": ints(1, 6, -1)}


@pytest.mark.parametrize(
    ("behind", "constants"),
    [
        ("k, l = Split<axis=1>(j, s)  y = Neg(k)  v = Sigmoid(l)", {"s": ints(4, 2)}),
        (
            "k = Slice(j, o, q, i)  l = Slice(j, q, n, i)  y = Neg(k)  v = Sigmoid(l)",
            {"o": ints(0), "q": ints(4), "n": ints(99), "i": ints(1)},
        ),
        (
            """m = Transpose<perm=[0,2,1]>(j)  k, l = Split<axis=2>(m, s)
               n = Neg(k)  o = Sigmoid(l)  y = Transpose<perm=[0,2,1]>(n)  v = Transpose<perm=[0,2,1]>(o)""",
            {"s": ints(4, 2)},
        ),
    ],
)
def test_parts_are_taken_from_where_they_were_joined(behind: str, constants: dict[str, Array]) -> None:
    source = model(HEAD.replace("BEHIND", behind), **WEIGHTS, **constants)
    result = rewrite(source, part_of_concat.PASS)
    assert result.operators.count("Concat") == 2
    assert not {"Split", "Slice"}.intersection(result.operators)


def test_a_part_across_a_joint_keeps_the_split() -> None:
    source = model(
        """(float[1,4,3,3] x) => (float[1,3,3,3] y, float[1,3,3,3] v) {
            a = Conv(x, w)  b = Conv(x, u)  c = Concat<axis=1>(a, b)  k, l = Split<axis=1>(c, s)  y = Neg(k)  v = Neg(l)
        }""",
        w=random(4, 4, 1, 1),
        u=random(2, 4, 1, 2)[..., :1],
        s=ints(3, 3),
    )
    result = rewrite(source, part_of_concat.PASS)
    assert result.fired == (0,)
    assert result.reasons == ("k is an output of the graph, or is cut otherwise than it was joined",)


@pytest.mark.parametrize("bias", [(), ("b",)])
@pytest.mark.parametrize("softmax", ["s = Softmax<axis=1>(t)", "s = Relu(t)"])
def test_means_of_distributions_need_no_transpose(bias: tuple[str, ...], softmax: str) -> None:
    source = model(
        f"""(float[1,12,7] x) => (float[1,3,7] y) {{
            r = Reshape(x, four)  t = Transpose<perm=[0,2,1,3]>(r)  {softmax}
            c = Conv({", ".join(["s", "w", *bias])})  y = Reshape(c, three)
        }}""",
        four=ints(1, 3, 4, 7),
        three=ints(1, 3, 7),
        w=random(1, 4, 1, 1),
        b=random(1),
    )
    result = rewrite(source, explicit_padding.PASS, fold_distribution.PASS)
    folded = "Softmax" in softmax
    assert result.fired[-1] == int(folded)
    assert ("Transpose" in result.operators) != folded


def test_a_split_of_shuffled_channels_becomes_slices() -> None:
    source = model(
        """(float[1,6,4,4] x) => (float[1,2,4,4] y, float[1,4,4,4] z) {
            g = Gather<axis=1>(x, i)  a, b = Split<axis=1>(g, s)  y = Neg(a)  z = Relu(b)
        }""",
        i=ints(0, 3, 1, 4, 2, 5),
        s=ints(2, 4),
    )
    assert rewrite(source, canonical_moves.SPLIT).operators == ["Gather", "Slice", "Slice", "Neg", "Relu"]


def test_a_group_norm_in_the_spelling_of_pytorch_needs_no_reshape() -> None:
    source = model(
        """(float[1,6,4,5] x) => (float[1,6,4,5] y) {
            g = Reshape(x, r)  n = InstanceNormalization(g, one, zero)  b = Reshape(n, s)  m = Mul(b, w)  y = Add(m, v)
        }""",
        r=ints(0, 3, -1),
        s=ints(1, 6, 4, 5),
        one=random(3),
        zero=random(1, 3).ravel(),
        w=random(6, 1, 1),
        v=random(6, 1, 1),
    )
    result = rewrite(source, expand_norms.GROUPS, decibels=100)
    assert result.fired == (1,)
    assert "Reshape" not in result.operators
    assert result.operators.count("Conv") == 2


def test_an_instance_norm_without_reshapes_is_none_of_groups() -> None:
    source = model(
        "(float[1,6,4,5] x) => (float[1,6,4,5] y) { y = InstanceNormalization(x, w, v) }",
        w=random(6),
        v=random(1, 6).ravel(),
    )
    assert rewrite(source, expand_norms.GROUPS).fired == (0,)
