from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import chain_of, cut_layers
from dlpuconv.quantization.techniques.orders import Places
from tests.backends.onnx_qdq.examples import PLAIN, emitted, exactness, network
from tests.backends.onnx_qdq.models import model, weights
from tests.network.contract import made_up, values_of

SOURCE = model(
    """(float[1,3,6,6] x) => (float[1,2,6,6] y) {
        a = Conv(x, w1, b1)
        h = HardSwish(a)
        c = Conv<group = 6, pads = [1, 1, 1, 1]>(h, w2, b2)
        d = Clip(c, zero, six)
        y = Conv(d, w3)
    }""",
    {
        "w1": weights(6, 3, 1, 1, seed=1), "b1": weights(6, seed=2), "w2": weights(6, 1, 3, 3, seed=3),
        "b2": weights(6, seed=4), "w3": weights(2, 6, 1, 1, seed=5), "zero": np.float32(0), "six": np.float32(6),
    },
)  # fmt: skip
GROUPS = (LayerGroups("a", (1, 0, 1, 0, 0, 2)),)


@given(st.lists(st.integers(0, 3), min_size=6, max_size=6).filter(lambda of: len(set(of)) > 1))
@settings(max_examples=15, deadline=None)
def test_a_network_with_groups_computes_the_same(of: list[int]) -> None:
    found = network(SOURCE)
    made = cut_layers(found, [LayerGroups("a", tuple(of))]).network
    feed = made_up(found)[0]
    before, after = (values_of(each, feed, each.outputs)[0] for each in (found, made))
    assert np.allclose(after, before, atol=1e-5)


def test_a_chain_of_layers_is_cut_and_joined_behind_its_last_one() -> None:
    made = cut_layers(network(SOURCE), GROUPS).network
    assert [node.kind for node in made.nodes] == [*["Conv", "HardSwish", "Conv"] * 3, "Concat", "Conv"]
    assert [node.layer.groups for node in made.nodes if node.layer] == [1, 3, 1, 2, 1, 1, 1]


def test_an_integer_file_is_made_of_it() -> None:
    made = emitted(SOURCE, recipe=replace(PLAIN, groups=GROUPS))
    assert sum(node.op_type == "Conv" for node in made.graph.nodes) == 7
    assert min(exactness(SOURCE, made)) > 25


def test_constants_by_channel_that_nobody_sees_keep_their_places() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { a = Conv(x, w1) \n p = PRelu(a, slope) \n y = Conv(p, w2) }",
        {"w1": weights(4, 3, 1, 1), "slope": weights(4, 1, 1), "w2": weights(2, 4, 1, 1)},
    )
    found = network(source)
    assert Places.of(found).moved(found.nodes[0].output, np.array([1, 0, 2, 3])) is None


def test_a_constant_along_another_axis_than_the_channels_says_nothing_of_their_order() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,2,4,4] y) { a = Conv(x, w1) \n m = Mul(a, row) \n y = Conv(m, w2) }",
        {"w1": weights(4, 3, 1, 1), "row": weights(4), "w2": weights(2, 4, 1, 1)},
    )
    found = network(source)
    assert Places.of(found).moved(found.nodes[0].output, np.array([1, 0, 2, 3])) is None


@pytest.mark.parametrize("operands", ["{}, s", "s, {}"])
@pytest.mark.parametrize("operator", ["Mul", "Add"])
def test_layers_that_share_constants_by_channel_are_cut_each_by_itself(operator: str, operands: str) -> None:
    first, second = (operands.format(name) for name in "ab")
    source = model(
        f"""(float[1,3,4,4] x) => (float[1,2,4,4] y) {{
            a = Conv(x, w1) \n m = {operator}({first})
            b = Conv(m, w2) \n n = {operator}({second}) \n y = Conv(n, w3)
        }}""",
        {
            "w1": weights(4, 3, 1, 1, seed=1), "w2": weights(4, 4, 1, 1, seed=2), "w3": weights(2, 4, 1, 1, seed=3),
            "s": np.array([1, 2, 3, 4], np.float32).reshape(4, 1, 1),
        },
    )  # fmt: skip
    found = network(source)
    made = cut_layers(found, [LayerGroups("b", (1, 0, 1, 0)), LayerGroups("a", (0, 1, 2, 1))]).network
    feed = made_up(found)[0]
    before, after = (values_of(each, feed, each.outputs)[0] for each in (found, made))
    assert np.allclose(after, before, atol=1e-5)


def test_what_cannot_be_cut_by_channels_is_refused_by_name() -> None:
    source = model(
        "(float[1,3,4,4] x) => (float[1,4,4,4] y) { a = Conv(x, w1) \n y = Softmax<axis = 1>(a) }",
        {"w1": weights(4, 3, 1, 1)},
    )
    found = network(source)
    assert [node.output.name for node in chain_of(found, "a")] == ["a"]
    with pytest.raises(CannotError, match="'y' is made by Softmax, which cannot be cut by channels"):
        found.with_parallel_layers(found.nodes, [2, 2])
