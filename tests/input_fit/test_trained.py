"""Which networks are taken to have been trained with batch normalization, once it was folded away."""

from __future__ import annotations

import pytest

from dlpuconv.input_fit.trained import biases_were_normalized
from tests.passes.rewriting import model, random, scalar

CONSTANTS = {
    "w": random(4, 4, 1, 1),
    "d": random(4, 1, 3, 3),
    "g": random(4, 2, 3, 3),
    "zero": scalar(0),
    "one": scalar(1),
    "six": scalar(6),
    "c": random(1, 4, 1, 1),
}
HALF = "h = Conv <strides = [2, 2]> (x, w)"


def taken(nodes: str) -> bool:
    names = {name: value for name, value in CONSTANTS.items() if f" {name})" in nodes or f" {name}," in nodes}
    network = model(f"(float[1, 4, 8, 8] x) => (float[1, C, H, W] y) {{ {nodes} }}", **names)
    return biases_were_normalized(network, network)


@pytest.mark.parametrize(
    "nodes",
    [
        "y = Conv <group = 4> (x, d)",
        "y = Clip (x, zero, six)",
        "y = HardSwish (x)",
        "s = Sigmoid (x) y = Mul (x, s)",
        f"{HALF} r = Relu (h) y = Add (h, r)",
    ],
)
def test_what_came_with_batch_normalization_is_a_sign_of_it(nodes: str) -> None:
    assert taken(nodes)


@pytest.mark.parametrize(
    "nodes",
    [
        "h = Conv (x, w) y = Relu (h)",
        f"{HALF} y = MaxPool <kernel_shape = [2, 2]> (h)",
        "h = Conv (x, w) r = Relu (h) y = Add (h, r)",  # super-resolution keeps its size
        f"{HALF} y = Add (h, c)",
        "h = Conv <group = 2> (x, g) y = Relu (h)",
        "y = Clip (x, zero, one)",
        "s = Sigmoid (x) t = Relu (x) y = Mul (t, s)",
        "h = Conv <group = 4> (x, d) y = DepthToSpace <blocksize = 2> (h)",
        "h = Conv <group = 4> (x, d) y = LRN <size = 3> (h)",
        "h = Conv <group = 4> (x, d) r = Abs (h) y = Sqrt (r)",
    ],
)
def test_what_was_trained_without_it_is_left_alone(nodes: str) -> None:
    assert not taken(nodes)
