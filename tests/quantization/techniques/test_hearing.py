from __future__ import annotations

import numpy as np

from dlpuconv.quantization.techniques.hearing import heard_by_channel
from tests.network.numpy_builder import Builder


def test_noise_is_heard_by_the_weights_of_the_layers_behind() -> None:
    b = Builder()
    a = b.conv("a", b.input("x", 1, 2, 2, 1), np.ones((2, 1, 1, 1)), function="relu")
    h = b.curve("h", a, "hard-swish")
    y = b.conv("y", h, [[[[1.0, 2.0]]], [[[0.0, 3.0]]]])
    z = b.conv("z", h, [[[[4.0, 0.0]]]])
    network = b.network(y, z)
    power = {"x": [1.0], "a": [1.0, 1.0], "h": [1.0, 1.0], "y": [6.0, 4.0], "z": [8.0]}
    tables = {name: np.array([[0.0, 1.0, 0.0, square] for square in squares]) for name, squares in power.items()}
    heard = {value.name: found.tolist() for value, found in heard_by_channel(network, tables).items()}
    # y: (1 + 0) / 10 and (4 + 9) / 10; z: 16 / 8
    assert heard["h"] == [2.0, 1.3]
    assert heard["a"] == heard["h"], "a curve passes on what it reads"
    assert heard["y"] == [0.1, 0.1], "an output is heard beside its own power"
    assert heard["x"] == [1.0]


def test_what_is_not_measured_does_not_count() -> None:
    b = Builder()
    network = b.network(b.conv("y", b.input("x", 1, 2, 2, 1), np.ones((2, 1, 1, 1))))
    assert [found.tolist() for found in heard_by_channel(network, {}).values()] == [[0.0], [0.0, 0.0]]
