from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import LayerGroups
from dlpuconv.quantization.techniques.groups import chain_of, cut_layers
from tests.network.numpy_builder import Builder
from tests.network.numpy_network import NumpyNetwork
from tests.quantization.support import measured, outputs, samples
from tests.quantization.techniques.networks import separable, weights


def numbers(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).normal(size=shape)


def chained(count: int = 6) -> NumpyNetwork:
    """Two convolutions whose sum a third one reads; behind the first, a curve and a depthwise layer."""
    b = Builder()
    x = b.input("x", 1, 4, 4, 3)
    curved = b.curve("h", b.conv("a", x, numbers(count, 1, 1, 3), numbers(count)), "hard-swish")
    d = b.conv("d", curved, numbers(count, 3, 3, 1), numbers(count), function="relu6")
    other = b.conv("o", x, numbers(count, 1, 1, 3), numbers(count))
    return b.network(b.conv("y", b.sum("s", d, other), numbers(2, 1, 1, count), numbers(2)))


groups = st.lists(st.integers(0, 2), min_size=6, max_size=6).filter(lambda of: len(set(of)) > 1)


@settings(max_examples=25, deadline=None)
@given(groups, st.sampled_from(["a", "o"]))
def test_a_network_with_groups_is_the_same_function(of: list[int], name: str) -> None:
    network = chained()
    cut = cut_layers(network, [LayerGroups(name, tuple(of))]).network
    feed = samples(network, 1)[0]
    assert np.allclose(outputs(cut, feed)[0], outputs(network, feed)[0], rtol=1e-4, atol=1e-4)
    made = [node for node in cut.nodes if node.layer is not None and node.output.name.startswith(f"{name}/group")]
    assert [node.output.channels for node in made] == [count for count in np.bincount(of).tolist() if count]


def test_a_depthwise_layer_and_the_curve_in_front_of_it_are_cut_along() -> None:
    network = chained()
    assert [node.output.name for node in chain_of(network, "a")] == ["a", "h", "d"]
    cut = cut_layers(network, [LayerGroups("a", (0, 1, 0, 1, 0, 1))]).network
    made = [node.output.name for node in cut.nodes]
    parts = [f"{name}/group {part} of 2" for part in (1, 2) for name in ("a", "h", "d")]
    assert made == [*parts, "d", "o", "s", "y"]
    assert np.array_equal(weights(cut, 0), weights(network, 0)[::2])
    assert np.array_equal(weights(cut, 5), weights(network, 2)[1::2])
    assert np.array_equal(weights(cut, 7), weights(network, 3)[[0, 2, 4, 1, 3, 5]]), "what is added follows"


def test_it_is_known_which_channels_a_part_has() -> None:
    network = chained()
    cut = cut_layers(network, [LayerGroups("o", (1, 0, 1, 0, 1, 0))])
    details = measured(network, samples(network, 4)).picked(cut.origins)
    for name in ("o/group 2 of 2", "d", "s"):
        found = measured(cut.network, samples(network, 4)).channels[name]
        assert np.allclose(details.channels[name], found, rtol=1e-4, atol=1e-5), name


def test_the_same_is_done_to_another_network_of_the_same_activations() -> None:
    network = separable([[1, 2], [3, 4], [5, 6]], [0, 0, 0], numbers(3, 3, 3, 1), numbers(2, 3))
    asked = [LayerGroups("a", (1, 0, 1))]
    cut = cut_layers(network, asked)
    other = network.with_constants({network.nodes[0]: _doubled(network)})
    twin = cut.likewise(other, asked)
    assert [node.output for node in twin.nodes] == [node.output for node in cut.network.nodes]
    assert np.array_equal(weights(twin, 0).reshape(-1), [6, 8])
    assert np.array_equal(weights(twin, 2).reshape(-1), [2, 4, 10, 12])


def _doubled(network: NumpyNetwork) -> Any:
    from dlpuconv.network import Constants

    return Constants(weights=2 * weights(network, 0))


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ([LayerGroups("s", (0, 1))], "'s' is made by no layer that could be cut"),
        ([LayerGroups("d", (0, 1))], "'d' is made by no layer that could be cut"),
        ([LayerGroups("a", (0, 1))], "'a' has 6 channels, and groups are told for 2"),
        ([LayerGroups("y", (1, 0))], "the channels of 'y' cannot be put in the order of its groups"),
        ([LayerGroups("a", (0, 1) * 3), LayerGroups("o", (1, 0) * 3)], "the channels of 'o' cannot be put"),
        ([LayerGroups("a", (0, 1) * 3)] * 2, "'a' is told twice"),
        ([LayerGroups("o", (0, 1) * 3), LayerGroups("a", (3,) * 6)], "all channels of 'a' are in one group"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(asked: list[LayerGroups], reason: str) -> None:
    with pytest.raises(CannotError, match=reason):
        cut_layers(chained(), asked)


def test_channels_that_lie_in_the_order_of_the_groups_need_not_move() -> None:
    network = chained()
    cut = cut_layers(network, [LayerGroups("y", (0, 1)), LayerGroups("a", (0, 1) * 3), LayerGroups("o", (2, 3) * 3)])
    assert {name for name in cut.origins if "group" not in name} == {"a", "h", "d", "o", "s"}
    feed = samples(network, 1)[0]
    assert np.allclose(outputs(cut.network, feed)[0], outputs(network, feed)[0], rtol=1e-4, atol=1e-4)
