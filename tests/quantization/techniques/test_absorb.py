from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.quantization.techniques.absorb import absorb, absorbed
from tests.network.numpy_builder import Builder
from tests.quantization.support import measured, outputs, samples

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork

LOW, HIGH = np.array([-1.0, 0.0, 2.0]), np.array([3.0, 5.0, 10.0])
FIRST = np.array([[1.0, 0.5], [0.25, -0.5], [2.0, 1.0]]).reshape(3, 1, 1, 2)
BIAS = np.array([5.0, -3.0, 0.0])
LAST = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]]).reshape(2, 1, 1, 3)
DEPTHWISE = np.random.default_rng(0).normal(0, 1, (3, 3, 3, 1))


def test_behind_a_rectifier_what_a_channel_always_holds_moves_less_a_fifth_of_its_range() -> None:
    assert absorbed(LOW, HIGH, rectified=True) == pytest.approx([0.0, 0.0, 2.0 - 0.2 * 8.0])


def test_without_a_rectifier_the_middle_of_each_channel_moves_to_zero() -> None:
    assert absorbed(LOW, HIGH, rectified=False).tolist() == [1.0, 2.5, 6.0]


def network(function: str, last: Any = LAST, *, padded: bool = True, shown: bool = False) -> NumpyNetwork:
    """Conv 1x1 and an activation, another layer; the activation is an output too where it is shown."""
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 2), FIRST, BIAS, function=function)
    y = b.conv("y", a, last, np.linspace(0.25, 0.5, len(last)), padded=padded)
    return b.network(y, *([a] if shown else []))


@pytest.mark.parametrize("function", ["none", "relu"])
@pytest.mark.parametrize("last", [LAST, DEPTHWISE], ids=["conv", "depthwise"])
def test_the_function_stays_and_the_activation_moves_towards_zero(function: str, last: Any) -> None:
    given = network(function, last, padded=False)
    details = measured(given, samples(given, 12))
    made = absorb(given, details)
    for feed in samples(given, 4, seed=9):
        assert np.allclose(outputs(given, feed)[0], outputs(made.network, feed)[0], atol=1e-5)
    assert made.details.range_of("a").width < 0.8 * details.range_of("a").width


def test_moved_statistics_are_those_of_the_new_network() -> None:
    given = network("none")
    feeds = samples(given, 12)
    made = absorb(given, measured(given, feeds))
    assert np.allclose(made.details.channels["a"], measured(made.network, feeds).channels["a"], atol=1e-4)


def test_behind_a_relu_only_the_channel_that_never_comes_near_zero_moves() -> None:
    given = network("relu")
    details = measured(given, samples(given, 12))
    shift = absorb(given, details).shifts["a"]
    low, high = details.channels["a"][0, :2]
    assert shift == pytest.approx([low - 0.2 * (high - low), 0.0, 0.0])
    assert shift[0] > 4.0


@pytest.mark.parametrize(
    "given",
    [network("none", np.ones((2, 3, 3, 3))), network("relu6"), network("none", shown=True)],
    ids=["in front of padding", "behind a clip", "of an output"],
)
def test_nothing_moves(given: NumpyNetwork) -> None:
    made = absorb(given, measured(given, samples(given, 12)))
    assert not made.shifts
    assert made.network.key == given.key
