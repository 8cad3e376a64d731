from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.ir.affine import Affine
from dlpuconv.network import Meaning, Node, Scales, Value
from dlpuconv.quantization.quantize import quantize
from tests.network.contract import every_check, every_integer_check, values_of
from tests.network.examples import EXAMPLES
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.network.numpy_kinds import multiplied
from tests.network.numpy_network import NumpyNetwork
from tests.quantization.support import PER_CHANNEL, SCHEME, samples
from tests.quantization.techniques.tuned import as_measured

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.network import Network


@pytest.mark.parametrize("make", EXAMPLES, ids=lambda make: make.__name__)
@every_check
def test_the_network_in_numpy_keeps_to_the_contract(
    make: Callable[[], NumpyNetwork], check: Callable[[Network], None]
) -> None:
    check(make())


@pytest.mark.parametrize("make", EXAMPLES, ids=lambda make: make.__name__)
@every_integer_check
def test_so_does_its_integer_form(make: Callable[[], NumpyNetwork], check: Callable[[Network], None]) -> None:
    network = make()
    tuned = as_measured(network, samples(network, 3, low=-1))
    check(realized(quantize(tuned, PER_CHANNEL, SCHEME)))


def test_a_padded_convolution_in_strides_of_two_reads_what_lies_under_its_taps() -> None:
    b = Builder()
    y = b.conv("y", b.input("x", 1, 4, 1), np.reshape([1.0, 10.0, 100.0], (1, 3, 1)), [0.5], stride=2)
    x = np.reshape([1.0, 2.0, 3.0, 4.0], (1, 4, 1)).astype(np.float32)
    # nothing is missing in front: (2 - 1) 2 + 3 - 4 = 1 position, half of which, rounded down, is 0
    assert values_of(b.network(y), {"x": x}, [y])[0].ravel() == pytest.approx([321.5, 43.5])


def test_a_transposed_convolution_writes_its_taps_side_by_side() -> None:
    b = Builder()
    y = b.conv(
        "y", b.input("x", 1, 2, 1), np.reshape([1.0, 10.0, 100.0], (1, 3, 1)), stride=2, transposed=True, padded=False
    )
    x = np.reshape([1.0, 2.0], (1, 2, 1)).astype(np.float32)
    assert values_of(b.network(y), {"x": x}, [y])[0].ravel() == pytest.approx([1, 10, 102, 20, 200])


def test_a_group_of_channels_reads_only_its_own() -> None:
    b = Builder()
    weights = np.array([[1, 2], [3, 4], [5, 6], [7, 8]]).reshape(4, 1, 2)
    y = b.conv("y", b.input("x", 1, 1, 4), weights)
    x = np.array([1, 10, 100, 1000], np.float32).reshape(1, 1, 4)
    assert values_of(b.network(y), {"x": x}, [y])[0].ravel() == pytest.approx([21, 43, 6500, 8700])


def test_an_integer_network_rounds_what_its_codes_come_to() -> None:
    x = Value(name="x", shape=(1, 2), dtype=np.dtype(np.int8), affine=Affine.of(0.5, 0))
    y = replace(x, name="y", affine=Affine.of(0.25, -10))
    data = np.array([[2.0]], np.float32)
    two = Value(name="two", shape=(1, 1), dtype=data.dtype, data=data)
    node = Node(kind="mul", inputs=(x, two), outputs=(y,), meaning=Meaning(scales=Scales.FREE), handle=multiplied)
    network = NumpyNetwork([x], [y], [node])
    # 3 stands for 1.5, whose double 3.0 is 12 steps of 0.25; 100 stands for 50, and 400 - 10 saturates
    assert values_of(network, {"x": np.array([[3, 100]], np.int8)}, [y])[0].tolist() == [[2, 127]]
