from __future__ import annotations

import numpy as np

from dlpuconv.quantization.training.blocks import blocks_of
from tests.network.examples import weights
from tests.network.numpy_builder import Builder
from tests.network.numpy_network import NumpyNetwork


def names(network: NumpyNetwork, unknown: str = "softmax") -> list[tuple[str, str, str]]:
    """Of each block's nodes, inputs and outputs, by the names of activations."""
    blocks = blocks_of(network, lambda node: node.kind != unknown)
    parts = [([node.output for node in block.nodes], block.inputs, block.outputs) for block in blocks]
    return [(of[0], of[1], of[2]) for of in (["".join(v.name for v in values) for values in part] for part in parts)]


def chain(count: int, function: str = "relu") -> NumpyNetwork:
    """Layers a, b, c ... one behind the other."""
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    for at in range(count):
        x = b.conv("abcdefghijklmnop"[at], x, weights(2, 1, 1, 2, seed=at), np.zeros(2), function=function)
    return b.network(x)


def test_a_block_has_three_layers_and_the_last_what_is_left() -> None:
    assert names(chain(7)) == [("abc", "x", "c"), ("def", "c", "f"), ("g", "f", "g")]


def test_a_block_goes_on_to_where_one_activation_is_all_that_goes_on() -> None:
    b = Builder()
    one = b.conv("a", b.input("x", 1, 4, 4, 2), weights(2, 1, 1, 2))
    two = b.conv("c", b.conv("b", one, weights(2, 1, 1, 2)), weights(2, 1, 1, 2))
    last = b.conv("d", b.sum("s", one, two), weights(2, 1, 1, 2))
    assert names(b.network(last)) == [("abcs", "x", "s"), ("d", "s", "d")]


def test_a_block_has_eight_layers_at_the_most_and_then_several_outputs() -> None:
    b = Builder()
    first = x = b.conv("a", b.input("x", 1, 4, 4, 2), weights(2, 1, 1, 2))
    for name in "bcdefghi":
        x = b.conv(name, x, weights(2, 1, 1, 2))
    assert names(b.network(b.sum("s", x, first))) == [("abcdefgh", "x", "ah"), ("is", "ha", "s")]


def test_a_block_does_not_end_in_front_of_a_node_that_sees_a_part_alone() -> None:
    b = Builder()
    x = b.input("x", 1, 4, 4, 2)
    for name in "abc":
        x = b.conv(name, x, weights(2, 1, 1, 2))
    y = b.conv("d", b.curve("r", x, "relu6"), weights(2, 1, 1, 2))
    assert names(b.network(y)) == [("abcr", "x", "r"), ("d", "r", "d")]


def test_what_has_no_known_gradient_is_in_no_block_and_blocks_have_layers() -> None:
    b = Builder()
    one = b.conv("a", b.input("x", 1, 4, 4, 2), weights(2, 1, 1, 2))
    two = b.sum("s", b.softmax("p", one), one)
    last = b.conv("b", b.softmax("q", two), weights(2, 1, 1, 2))
    assert names(b.network(last)) == [("a", "x", "a"), ("b", "q", "b")]


def test_an_output_of_the_network_is_one_of_its_block() -> None:
    b = Builder()
    one = b.conv("a", b.input("x", 1, 4, 4, 2), weights(2, 1, 1, 2))
    two = b.conv("b", one, weights(2, 1, 1, 2))
    assert names(b.network(one, two)) == [("ab", "x", "ab")]
