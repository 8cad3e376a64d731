from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlpuconv.calibration import Color, Preprocessing, make_preprocessing
from tests.calibration.support import spec
from tests.error_ids import raises_error

PIXEL = np.array([[[10, 20, 30]]], np.uint8)


def test_each_channel_has_its_own_mean_and_std() -> None:
    made = Preprocessing(mean=(1.0, 2.0, 3.0), std=(3.0, 9.0, 27.0))
    np.testing.assert_array_equal(made.normalize(PIXEL), np.array([[[3.0, 2.0, 1.0]]], np.float32))


def test_bgr_turns_the_channels_before_it_subtracts() -> None:
    made = Preprocessing(color=Color.BGR, mean=(1.0, 2.0, 3.0))
    np.testing.assert_array_equal(made.normalize(PIXEL), np.array([[[29, 18, 7]]], np.float32))


pixels = arrays(np.uint8, (3, 2, 3))
numbers = st.floats(-300, 300).filter(lambda v: abs(v) > 1e-2)


@given(
    pixels, st.sampled_from([Color.RGB, Color.BGR]), st.lists(numbers, min_size=3, max_size=3), st.floats(0.5, 20000)
)
def test_denormalize_is_the_inverse_of_normalize(
    pixels: npt.NDArray[np.uint8], color: Color, mean: list[float], std: float
) -> None:
    made = Preprocessing(color=color, mean=tuple(mean), std=(std,))
    np.testing.assert_allclose(made.denormalize(made.normalize(pixels)), pixels, atol=1e-3)


@pytest.mark.parametrize(
    ("made", "channels", "facts"),
    [
        (make_preprocessing(preset="imagenet"), 1, ["--mean has 3 values", "'x' has 1 channel:"]),
        (make_preprocessing(std="1,2,3,4"), 3, ["--std has 4 values", "'x' has 3 channels"]),
        (make_preprocessing(color="bgr"), 1, ["--color bgr", "3 channels"]),
        (make_preprocessing(color="gray"), 3, ["--color gray", "1 channel"]),
    ],
)
def test_preprocessing_that_does_not_fit_the_input_is_refused(
    made: Preprocessing, channels: int, facts: list[str]
) -> None:
    with raises_error("preprocessing-channels", *facts):
        made.check(spec(1, channels, 4, 6))
