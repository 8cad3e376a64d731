from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.techniques.noise_factors import (
    NoiseSource,
    RoundedActivation,
    RoundedWeights,
    Slopes,
    least_noise,
)

if TYPE_CHECKING:
    import numpy.typing as npt

    type Reals = npt.NDArray[Any]

BETWEEN = np.arange(3)
INPUT, OUTPUT = 3, 4
FREE = np.array([np.inf] * 3 + [np.nan, np.nan])
positive = st.floats(0.05, 20)


def activation(width: Any, heard: Any) -> RoundedActivation:
    return RoundedActivation(ids=BETWEEN, width=np.array(width), heard=np.array(heard))


def layers(first: Any, second: Any) -> list[NoiseSource]:
    """A layer of one input that makes three channels, and one that makes one output of them."""
    ones = np.ones((3, 1))
    return [
        RoundedWeights.of(np.reshape(first, (3, 1)), BETWEEN, np.full((3, 1), INPUT), ones, np.square(second)),
        RoundedWeights.of(np.reshape(second, (1, 3)), np.array([OUTPUT]), BETWEEN[None], ones.T, np.ones(1)),
    ]


def noise(sources: list[NoiseSource], factors: Reals) -> float:
    return sum(source.noise(factors, Slopes.none(len(factors))) for source in sources)


def test_an_activation_alone_nearly_fills_its_range_with_every_channel() -> None:
    # (w s)^12 is a channel's part in the step, 1 / s^2 its part in the noise: they are alike where w s goes by w^(1/7)
    widths = np.array([8.0, 2.0, 1.0])
    scaled = widths * least_noise([activation(widths, [1.0, 1.0, 1.0])], FREE)[:3]
    assert scaled / scaled[0] == pytest.approx((widths / widths[0]) ** (1 / 7), rel=0.01)


def test_rounding_an_activation_costs_a_twelfth_of_its_squared_step() -> None:
    one = RoundedActivation(ids=np.array([0]), width=np.array([255.0]), heard=np.array([3.0]))
    assert noise([one], np.array([1.0])) == pytest.approx(3.0 / 12)


def test_rounding_weights_costs_a_twelfth_of_their_squared_step_times_what_they_multiply() -> None:
    ids = np.array([[0]])
    one = RoundedWeights.of(np.array([[127.0]]), np.array([1]), ids, np.array([[5.0]]), np.array([2.0]))
    assert noise([one], np.array([1.0, 1.0])) == pytest.approx(5.0 * 2.0 / 12)


def test_rows_of_one_variable_may_read_channels_of_other_power() -> None:
    made, read = np.array([1, 2]), np.array([[0], [0]])  # two groups, whose channels are tied
    one = RoundedWeights.of(np.full((2, 1), 127.0), made, read, np.array([[5.0], [7.0]]), np.array([1.0, 2.0]))
    step = 2 ** (1 / 12)  # of two equal weights
    assert noise([one], np.ones(3)) == pytest.approx(step**2 * (5.0 * 1.0 + 7.0 * 2.0) / 12)


def test_a_bound_and_fixed_variables_hold() -> None:
    most = np.array([1.0, 1.5, np.nan, np.nan, np.nan])
    factors = least_noise([activation([8.0, 2.0, 1.0], [1.0, 1.0, 1.0])], most)
    assert factors[1] <= 1.5 + 1e-9
    assert factors[2:].tolist() == [1.0] * 3


def test_channels_that_nothing_asks_to_change_keep_their_factor() -> None:
    assert least_noise([activation([0.0, 0.0, 0.0], [0.0, 0.0, 0.0])], FREE).tolist() == [1.0] * 5


@settings(max_examples=30, deadline=None)
@given(*[st.lists(positive, min_size=3, max_size=3) for _ in range(5)])
def test_slopes_are_those_of_the_noise(a: Any, b: Any, width: Any, heard: Any, factors: Any) -> None:
    sources = [*layers(a, b), activation(width, heard)]
    logs = np.log(np.array([*factors, 1.0, 1.0]))
    slopes = Slopes.none(5)
    whole = sum(source.noise(np.exp(logs), slopes) for source in sources)
    for index in range(5):
        step = np.zeros(5)
        step[index] = 1e-5
        slope = (noise(sources, np.exp(logs + step)) - noise(sources, np.exp(logs - step))) / 2e-5
        assert 2 * (slopes.more - slopes.less)[index] == pytest.approx(slope, rel=1e-3, abs=1e-4 * whole)


@settings(max_examples=30, deadline=None)
@given(*[st.lists(positive, min_size=3, max_size=3) for _ in range(4)], st.lists(positive, min_size=3, max_size=3))
def test_no_other_factors_give_clearly_less_noise(a: Any, b: Any, width: Any, heard: Any, other: Any) -> None:
    sources = [*layers(a, b), activation(width, heard)]
    least = noise(sources, least_noise(sources, FREE))
    assert least <= noise(sources, np.ones(5)) * (1 + 1e-9)
    assert least <= noise(sources, np.array([*other, 1.0, 1.0])) * 1.05
