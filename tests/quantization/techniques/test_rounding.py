from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.techniques.rounding import SecondMoments, Sums, corrected, learned_codes, rounding_error

ALIKE = np.ones((1, 2, 2))
"""Two inputs of mean square 1 that are always equal."""


def still(read: npt.NDArray[np.float64]) -> tuple[SecondMoments, SecondMoments]:
    """Halves in which the quantized network's inputs are the float network's."""
    moments = SecondMoments(read=read, drift=np.zeros_like(read))
    return moments, moments


def test_errors_of_inputs_that_go_together_cancel() -> None:
    # nearest: 0 and 0, off by 0.8 x; one up and one down: off by 0.2 x
    codes = learned_codes(np.array([[[0.4, 0.4]]]), np.ones((1, 1)), still(ALIKE))
    assert sorted(codes[0, 0]) == [0.0, 1.0]


def test_inputs_that_have_nothing_to_do_with_each_other_get_their_nearest_codes() -> None:
    weights = np.array([[[0.4, 0.6, -1.4]], [[2.0, 0.0, 500.0]]])
    codes = learned_codes(weights, np.ones((2, 1)), still(np.stack([np.diag([1.0, 4.0, 0.25])] * 2)))
    assert codes.tolist() == [[[0.0, 1.0, -1.0]], [[2.0, 0.0, 127.0]]]


def test_a_weight_that_saturates_is_made_up_for_by_what_goes_with_it() -> None:
    codes = learned_codes(np.array([[[130.0, 10.0]]]), np.ones((1, 1)), still(ALIKE))
    assert codes.tolist() == [[[127.0, 13.0]]]


def test_what_is_never_read_gets_its_nearest_code() -> None:
    assert learned_codes(np.array([[[1.6, -0.6]]]), np.ones((1, 1)), still(np.zeros((1, 2, 2)))).tolist() == [[[2, -1]]]


def test_weights_make_up_for_an_input_that_the_layers_before_made_too_small() -> None:
    # q = x / 2: (x - q) q = q q = 1; D = W 1 / (1 + 0.01)
    halves = (SecondMoments(read=np.ones((1, 1, 1)), drift=np.ones((1, 1, 1))),) * 2
    assert corrected(np.full((1, 1, 1), 2.0), halves) == pytest.approx(2.0 + 2.0 / 1.01)


def test_what_one_half_of_the_samples_asks_for_and_the_other_does_not_is_not_done() -> None:
    read = np.ones((1, 1, 1))
    halves = SecondMoments(read=read, drift=0.5 * read), SecondMoments(read=read, drift=-0.5 * read)
    assert corrected(np.full((1, 1, 1), 2.0), halves).item() == 2.0


def test_moments_and_means_are_those_of_all_positions_that_were_seen() -> None:
    x = np.array([[[1.0, 2.0], [3.0, 0.0], [5.0, 4.0]]], np.float32)
    q = x - np.array([0.5, 0.25], np.float32)
    sums, rest = Sums(), Sums()
    sums.add(x[:, :1], q[:, :1])
    sums.add(x[:, 1:], q[:, 1:])
    rest.add(x[:, :1] + 8, q[:, :1])
    plain, central = sums.moments(centred=False), sums.moments(centred=True)
    assert np.allclose(plain.read[0], q[0].T @ q[0] / 3)
    assert np.allclose(plain.drift[0], [0.5 * q[0].mean(axis=0), 0.25 * q[0].mean(axis=0)])
    assert np.allclose(central.read[0], np.cov(q[0].T, ddof=0))
    assert np.allclose(central.drift, 0.0, atol=1e-6)
    mean_x, mean_q = sums.means(rest)
    assert np.allclose(mean_x, [[(1 + 3 + 5 + 9) / 4, (2 + 0 + 4 + 10) / 4]])
    assert np.allclose(mean_q, mean_x - [[(1.5 + 8.5) / 4, (0.75 + 8.25) / 4]])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 80), st.integers(0, 2**16), st.floats(0.005, 0.2))
def test_no_row_is_worse_than_with_nearest_codes(groups: int, rows: int, size: int, seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    weights = random.normal(size=(groups, rows, size))
    inputs = random.normal(size=(groups, 40, size)) @ random.normal(size=(groups, size, size))
    read = np.swapaxes(inputs, 1, 2) @ inputs / 40
    codes = learned_codes(weights, np.full((groups, rows), scale), still(read))
    nearest = np.clip(np.rint(weights / scale), -127, 127)
    damped = read + 0.1 * np.einsum("gkk->g", read)[:, None, None] / size * np.eye(size)
    learned_error, nearest_error = (rounding_error(c, weights / scale, damped) for c in (codes, nearest))
    assert (learned_error <= nearest_error * (1 + 1e-9)).all()
    assert np.array_equal(codes, np.clip(np.rint(codes), -127, 127))


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("value", [0.0, 0.7, 1e-20, 1e18])
@pytest.mark.parametrize("positions", [1, 3, 7])
def test_weights_of_inputs_that_never_vary_get_codes(value: float, positions: int, centred: bool) -> None:
    """As one or two samples, or constant ones, give them to a layer behind a global pooling."""
    random = np.random.default_rng(0)
    inputs = np.float32(value) * random.normal(size=(1, 1, 16)).astype(np.float32)
    weights, scale = random.normal(size=(1, 4, 16)), np.full((1, 4), 0.01)
    halves = Sums(), Sums()
    for half in halves:
        half.add(np.repeat(inputs, positions, axis=1), np.repeat(inputs, positions, axis=1))
    with np.errstate(over="ignore", invalid="ignore"):
        codes = learned_codes(weights, scale, (halves[0].moments(centred=centred), halves[1].moments(centred=centred)))
    assert np.array_equal(codes, np.clip(np.rint(codes), -127, 127))
    if centred:  # the bias takes a constant, whatever the codes
        assert np.array_equal(codes, np.clip(np.rint(weights / scale[..., None]), -127, 127))


def test_the_mean_of_equal_values_is_exactly_that_value() -> None:
    sums = Sums()
    for _ in range(3):
        sums.add(np.full((1, 7, 2), 0.7, np.float32), np.full((1, 7, 2), 0.7, np.float32))
    assert not sums.moments(centred=True).read.any()
    assert sums.means(sums)[1].tolist() == [[np.float32(0.7), np.float32(0.7)]]
