"""Channel shuffles, and selections of channels."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import (
    absorb_channel_gather,
    canonical_moves,
    normalize,
    recognise_channel_gather,
    spell_channel_gather,
)
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import Array, assert_equal, assert_valid, ints, model, random, rewrite, samples

SHUFFLE = "a = Reshape(c, five)  b = Transpose<perm=[0,2,1,3,4]>(a)  s = Reshape(b, four)"
SHAPES = {"five": ints(1, 2, 3, 4, 4), "four": ints(1, -1, 4, 4)}
ORDER = [0, 3, 1, 4, 2, 5]


def shuffle(behind: str, y: str, **constants: Array) -> tuple[str, dict[str, Array]]:
    return f"(float[1,6,4,4] x) => ({y}) {{ c = Relu(x)  {SHUFFLE}  {behind} }}", {**SHAPES, **constants}


def test_a_shuffle_is_recognised_as_one_gather() -> None:
    graph, constants = shuffle("y = Neg(s)", "float[1,6,4,4] y")
    result = rewrite(model(graph, **constants), recognise_channel_gather.PASS)
    assert result.fired == (1,)
    assert result.operators == ["Relu", "Gather", "Neg"]
    assert result.constant("Gather", 1).tolist() == ORDER
    assert result.attribute("Gather", "axis") == 1


def test_halves_of_a_shuffle_in_the_spelling_of_yolo_fastest_are_recognised() -> None:
    source = model(
        """(float[1,6,4,4] x) => (float[1,3,4,4] y, float[1,3,4,4] z) {
            a = Reshape(x, three)  b = Transpose<perm=[1,0,2]>(a)  c = Reshape(b, five)
            y = Gather<axis=0>(c, first)  z = Gather<axis=0>(c, second)
        }""",
        three=ints(3, 2, 16),
        five=ints(2, -1, 3, 4, 4),
        first=np.asarray(0),
        second=np.asarray(1),
    )
    result = rewrite(source, recognise_channel_gather.PASS)
    assert result.fired == (2,)
    gathered = [n.inputs[1].const_value.numpy().tolist() for n in result.model.graph.graph]  # type: ignore[union-attr]
    assert gathered == [[0, 2, 4], [1, 3, 5]]


@pytest.mark.parametrize("mode", ["CRD", "DCR"])
def test_a_pixel_shuffle_in_pieces_is_recognised(mode: str) -> None:
    split, perm = ((1, 3, 2, 2, 4, 4), "0,1,4,2,5,3") if mode == "CRD" else ((1, 2, 2, 3, 4, 4), "0,3,4,1,5,2")
    source = model(
        f"""(float[1,12,4,4] x) => (float[1,3,8,8] y) {{
            a = Reshape(x, six)  b = Transpose<perm=[{perm}]>(a)  y = Reshape(b, four)
        }}""",
        six=ints(*split),
        four=ints(1, 3, 8, 8),
    )
    result = rewrite(source, recognise_channel_gather.PASS)
    assert result.operators == ["DepthToSpace"]
    assert result.attribute("DepthToSpace", "mode") == mode


def test_movements_that_mix_pixels_are_left_alone() -> None:
    source = model(
        "(float[1,4,4,4] x) => (float[1,4,4,4] y) { a = Transpose<perm=[0,2,1,3]>(x)  y = Reshape(a, four) }",
        four=ints(1, 4, 4, 4),
    )
    result = rewrite(source, recognise_channel_gather.PASS)
    assert result.fired == (0,)
    assert result.reasons == ("the operators do not move whole channels",) * 2


FORWARD: dict[str, tuple[str, str, dict[str, Array]]] = {
    "a Conv": ("y = Conv(s, w)", "float[1,2,4,4] y", {"w": random(2, 6, 1, 1)}),
    "a depthwise Conv and all behind it": (
        """d = Conv<group=6, pads=[1,1,1,1]>(s, k, o)  r = PRelu(d, p)
           m = MaxPool<kernel_shape=[2,2]>(r)  y = Conv(m, w)""",
        "float[1,2,3,3] y",
        {"k": random(6, 1, 3, 3), "o": random(6), "p": random(6, 1, 1), "w": random(2, 6, 1, 1)},
    ),
    "a gate": (
        "g = Sigmoid(s)  m = Mul(s, g)  f = Add(m, e)  y = Conv(f, w)",
        "float[1,2,4,4] y",
        {"e": random(1, 6, 1, 1), "w": random(2, 6, 1, 1)},
    ),
    "a Concat": (
        "t = Concat<axis=1>(c, s)  y = Conv(t, w)",
        "float[1,2,4,4] y",
        {"w": random(2, 12, 1, 1)},
    ),
    "a Gemm behind a pool": (
        "g = GlobalAveragePool(s)  f = Flatten(g)  y = Gemm<transB=1>(f, w)",
        "float[1,2] y",
        {"w": random(2, 6)},
    ),
    "another Gather": ("y = Gather<axis=1>(s, i)", "float[1,2,4,4] y", {"i": ints(1, 4)}),
    "two readers": (
        "d = Conv(s, w)  e = Conv(s, k)  y = Add(d, e)",
        "float[1,2,4,4] y",
        {"w": random(2, 6, 1, 1), "k": random(2, 6, 1, 2)[..., :1]},
    ),
}


@pytest.mark.parametrize("name", FORWARD)
def test_an_order_goes_forward_into(name: str) -> None:
    behind, y, weights = FORWARD[name]
    behind = behind.replace("Flatten(g)", "Reshape(g, flat)")
    graph, constants = shuffle(behind, y, flat=ints(1, 6), **weights)
    result = rewrite(model(graph, **constants), recognise_channel_gather.PASS, absorb_channel_gather.FORWARD)
    assert result.fired == (1, 1)
    assert "Transpose" not in result.operators
    assert ("Gather" in result.operators) == (name == "another Gather")


DECLINED: dict[str, tuple[str, str, dict[str, Array], str]] = {
    "an output": ("y = Neg(s)", "float[1,6,4,4] y", {}, "y is an output of the graph"),
    "an output of a depthwise Conv": (
        "y = Conv<group=6>(s, w)",
        "float[1,6,4,4] y",
        {"w": random(6, 1, 1, 1)},
        "y is an output of the graph",
    ),
    "a grouped Conv": (
        "y = Conv<group=2>(s, w)",
        "float[1,2,4,4] y",
        {"w": random(2, 3, 1, 1)},
        "works on groups of channels",
    ),
    "a sum with another order": (
        "t = Add(s, c)  y = Conv(t, w)",
        "float[1,2,4,4] y",
        {"w": random(2, 6, 1, 1)},
        "in another order",
    ),
    "an unknown operator": (
        "t = LRN<size=3>(s)  y = Conv(t, w)",
        "float[1,2,4,4] y",
        {"w": random(2, 6, 1, 1)},
        "cannot take the order",
    ),
}


@pytest.mark.parametrize("name", DECLINED)
def test_an_order_does_not_go_into(name: str) -> None:
    behind, y, weights, reason = DECLINED[name]
    graph, constants = shuffle(behind, y, **weights)
    result = rewrite(model(graph, **constants), recognise_channel_gather.PASS, absorb_channel_gather.FORWARD)
    assert result.fired[-1] == 0
    assert "Gather" in result.operators
    assert reason in result.reasons[0]


def test_a_selection_goes_backward_into_the_convolution_that_makes_it() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { c = Conv(x, w, o)  r = Relu(c)  y = Gather<axis=1>(r, i) }",
        w=random(6, 3, 1, 1),
        o=random(6),
        i=ints(4, 1),
    )
    result = rewrite(source, absorb_channel_gather.BACKWARD)
    assert result.operators == ["Conv", "Relu"]
    assert result.constant("Conv", 1).shape == (2, 3, 1, 1)


def test_what_no_weights_take_becomes_a_slice_or_a_convolution() -> None:
    source = model(
        """(float[1,6,4,4] x) => (float[1,2,4,4] y, float[1,3,4,4] z) {
            y = Gather<axis=1>(x, i)  z = Gather<axis=1>(x, j)
        }""",
        i=ints(2, 3),
        j=ints(0, 2, 4),
    )
    result = rewrite(source, canonical_moves.GATHER, spell_channel_gather.PASS)
    assert result.operators == ["Slice", "Conv"]
    assert result.constant("Conv", 1)[:, :, 0, 0].tolist() == np.eye(6)[[0, 2, 4]].tolist()


def test_a_shuffle_net_loses_all_its_transposes() -> None:
    unit = """h{0} = Slice(s{0}, c0, c3, one)  t{0} = Slice(s{0}, c3, c6, one)
              d{0} = Conv(t{0}, w{0})  r{0} = Relu(d{0})
              c{0}x = Concat<axis=1>(h{0}, r{0})
              a{0} = Reshape(c{0}x, five)  b{0} = Transpose<perm=[0,2,1,3,4]>(a{0})  s{1} = Reshape(b{0}, four)"""
    weights = {f"w{i}": random(3, 3, 1, i + 1)[..., :1] for i in range(2)}
    source = model(
        f"""(float[1,6,4,4] x) => (float[1,2,4,4] y) {{
            s0 = Relu(x) {unit.format(0, 1)} {unit.format(1, 2)} y = Conv(s2, v)
        }}""",
        c0=ints(0),
        c3=ints(3),
        c6=ints(6),
        one=ints(1),
        v=random(2, 6, 1, 1),
        **weights,
        **SHAPES,
    )
    result, _ = normalize(source)
    assert_valid(source, result)
    assert_equal(source, result, samples(source), 110)
    assert {n.op_type for n in result.graph.graph} <= {"Relu", "Slice", "Conv", "Concat"}


def test_one_gather_of_another_axis_is_no_move_of_channels() -> None:
    source = model("(float[5,4,3,2] x, int64[3] i) => (float[5,3,3,2] y) { y = Gather<axis=1>(x, i) }")
    copy = source.copy()
    assert recognise_channel_gather.PASS.run(Editor(copy.graph)).fired == 0
