from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.quantization.techniques.channels import ChannelMap, layer_channels, map_channels
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.network import Value


def between(make: Callable[[Builder, list[Value]], Value], *channels: int) -> tuple[ChannelMap, list[Value], Value]:
    """A node between convolutions, so that no end of the network is concerned: what it reads, what it makes."""
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    read = [b.conv(f"a{i}", x, np.ones((c, 1, 1, 2)), np.ones(c), function="relu") for i, c in enumerate(channels)]
    made = make(b, read)
    flat = made.shape[-1]
    end = b.conv("end", made, np.ones((1, *[1] * (len(made.shape) - 2), flat)), np.ones(1))
    return map_channels(b.network(end)), read, made


@pytest.mark.parametrize(
    "make",
    [
        lambda b, v: b.curve("m", v[0], "relu"),
        lambda b, v: b.max_pool("m", v[0], 2),
        lambda b, v: b.product("m", v[0], [2.0, 3.0, 4.0]),
        lambda b, v: b.sum("m", v[0], [2.0, 3.0, 4.0]),
    ],
)
def test_what_commutes_with_positive_factors_ties_each_channel_to_its_own(make: Any) -> None:
    found, (read,), made = between(make, 3)
    assert np.array_equal(found.of[read], found.of[made])
    assert len(set(found.of[read])) == 3
    assert not found.fixed[found.of[read]].any()


@pytest.mark.parametrize("curve", ["hard-swish", "sigmoid", "tanh"])
def test_a_curve_fixes_what_it_reads_and_makes(curve: str) -> None:
    found, (read,), made = between(lambda b, v: b.curve("m", v[0], curve), 3)
    assert found.fixed[found.of[read]].all()
    assert found.fixed[found.of[made]].all()


def test_the_gate_of_a_product_keeps_its_scale_and_the_other_operand_shares_that_of_the_product() -> None:
    def product(b: Builder, v: list[Value]) -> Value:
        return b.product("m", v[0], b.curve("g", v[1], "sigmoid"))

    found, (through, gated), made = between(product, 3, 3)
    assert np.array_equal(found.of[through], found.of[made])
    assert not found.fixed[found.of[made]].any()
    assert found.fixed[found.of[gated]].all()


def test_the_smaller_operand_of_a_product_is_its_gate() -> None:
    def squeezed(b: Builder, v: list[Value]) -> Value:
        return b.product("m", v[0], b.conv("s", v[1], np.ones((3, 4, 4, 3)), np.ones(3), padded=False))

    found, (through, _), made = between(squeezed, 3, 3)
    assert np.array_equal(found.of[through], found.of[made])
    assert not found.fixed[found.of[made]].any()


def test_a_product_of_activations_that_are_alike_fixes_all_three() -> None:
    found, read, made = between(lambda b, v: b.product("m", *v), 3, 3)
    assert all(found.fixed[found.of[v]].all() for v in (*read, made))


def test_a_sum_ties_all_its_operands() -> None:
    found, read, made = between(lambda b, v: b.sum("m", v[0], v[1]), 3, 3)
    assert all(np.array_equal(found.of[v], found.of[made]) for v in read)
    assert not found.fixed[found.of[made]].any()


def test_a_concatenation_of_channels_ties_each_operand_to_its_part() -> None:
    found, (one, other), made = between(lambda b, v: b.concat("m", v, 3), 2, 3)
    assert np.array_equal(found.of[made], [*found.of[one], *found.of[other]])
    assert len(set(found.of[made])) == 5


def test_channels_that_are_flattened_are_those_of_every_position() -> None:
    found, (read,), made = between(lambda b, v: b.reshape("m", v[0], 1, 1, 48), 3)
    assert np.array_equal(found.of[made], np.tile(found.of[read], 16))


def test_the_ends_of_a_network_are_fixed_and_a_clip_is_known_by_its_bound() -> None:
    found, _, made = between(lambda b, v: b.curve("m", v[0], "relu6"), 3)
    assert found.clips == {made: 6.0}
    assert found.ends.sum() == 3, "two channels of x, one of the last"
    assert np.array_equal(found.fixed, found.ends)


def test_rows_of_a_group_read_its_channels_and_a_flattening_layer_reads_all_again() -> None:
    b = Builder()
    x = b.input("x", 1, 2, 1, 4)
    grouped = b.conv("g", x, np.ones((2, 1, 1, 2)), np.ones(2))
    network = b.network(b.dense("d", grouped, np.ones((1, 4))))
    channels = map_channels(network)
    ids = channels.of[x]
    assert layer_channels(network.nodes[0], channels)[1].tolist() == [[ids[0], ids[1]], [ids[2], ids[3]]]
    assert layer_channels(network.nodes[1], channels)[1].tolist() == [[*channels.of[grouped]] * 2]
