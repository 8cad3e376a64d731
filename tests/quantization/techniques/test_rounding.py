from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.quantization.techniques.rounding import (
    _compensated,
    _descended,
    corrected,
    learned_codes,
    rounding_error,
)
from dlpuconv.quantization.techniques.second_moments import MomentProbe, SecondMoments, Sums

ALIKE = np.ones((1, 2, 2))
"""Two inputs of mean square 1 that are always equal."""


def still(read: npt.NDArray[np.float64]) -> tuple[SecondMoments, SecondMoments]:
    """Halves in which the quantized network's inputs are the float network's."""
    nothing = np.zeros((len(read), 1, read.shape[2]), np.float32)
    probe = MomentProbe(nothing, nothing, np.zeros(1, np.intp))
    moments = SecondMoments(read=read, drift=np.zeros_like(read), probe=probe)
    return moments, moments


def drifted(*samples: tuple[float, float]) -> SecondMoments:
    """Moments of one input, which the quantized network gives as the first number where the sum of both is right."""
    q, drift = np.array(samples, np.float32).T.reshape(2, 1, -1, 1)
    probe = MomentProbe(q, drift, np.arange(len(samples)))
    return SecondMoments(read=(q * q).mean(axis=1, keepdims=True), drift=(q * drift).mean(axis=1)[None], probe=probe)


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
    halves = (drifted((1.0, 1.0)),) * 2
    assert corrected(np.full((1, 1, 1), 2.0), halves) == pytest.approx(2.0 + 2.0 / 1.01)


def test_what_one_half_of_the_samples_asks_for_and_the_other_does_not_is_not_done() -> None:
    halves = drifted((1.0, 0.5)), drifted((1.0, -0.5))
    assert corrected(np.full((1, 1, 1), 2.0), halves).item() == 2.0


def test_what_a_freak_in_each_half_asks_for_and_no_other_sample_does_is_not_done() -> None:
    # q = 20 saturates at 10: the sums of squares ask for nearly twice the weight, and fall by it
    half = drifted((10.0, 10.0), (1.0, 0.01), (1.0, -0.01), (1.0, 0.01), (1.0, -0.01))
    assert corrected(np.full((1, 1, 1), 2.0), (half, half)).item() == 2.0


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


@pytest.mark.parametrize("centred", [True, False])
def test_few_positions_ask_for_the_same_weights_as_their_moments_alone_do(centred: bool) -> None:
    random = np.random.default_rng(3)
    halves = []
    for _ in range(2):
        q, sums = random.normal(1.0, 1.0, (2, 3, 12)), Sums()
        sums.add((1.2 * q + 0.1).astype(np.float32), q.astype(np.float32))
        halves.append(sums.moments(centred=centred))
    weights = random.normal(size=(2, 5, 12))
    assert halves[0].rows is not None
    alone = [SecondMoments(read=half.read, drift=half.drift, probe=half.probe) for half in halves]
    found = corrected(weights, (halves[0], halves[1]))
    assert np.abs(found - weights).max() > 0.01
    assert found == pytest.approx(corrected(weights, (alone[0], alone[1])), abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 2), st.integers(1, 3), st.integers(2, 150), st.integers(0, 2**16))
def test_codes_are_those_of_columns_that_are_rounded_one_after_the_other(
    groups: int, rows: int, size: int, seed: int
) -> None:
    """As in GPTQ's algorithm 1, with the inverse of the matrix and without blocks, and then descended."""
    random = np.random.default_rng(seed)
    target = random.normal(scale=20.0, size=(groups, rows, size))
    inputs = random.normal(size=(groups, 2 * size, size))
    hessian = np.swapaxes(inputs, 1, 2) @ inputs / size + 0.1 * np.eye(size)
    for group in range(groups):
        order = np.argsort(-np.diag(hessian[group]), kind="stable")
        upper = np.linalg.cholesky(np.linalg.inv(hessian[group][np.ix_(order, order)])).T
        left, codes = target[group][:, order].copy(), np.empty((rows, size))
        for k, at in enumerate(order):
            codes[:, at] = np.clip(np.rint(left[:, k]), -127, 127)
            left[:, k:] -= np.outer((left[:, k] - codes[:, at]) / upper[k, k], upper[k, k:])
        found = _compensated(target, hessian, 127)[group]
        assert np.array_equal(found, codes)


def test_descent_ends_where_no_single_code_can_be_bettered() -> None:
    random = np.random.default_rng(1)
    target, inputs = random.normal(scale=3.0, size=(1, 4, 70)), random.normal(size=(1, 300, 70))
    hessian = np.swapaxes(inputs, 1, 2) @ inputs / 300
    found = np.rint(target)
    for _ in range(20):
        found = _descended(found, target, hessian, 127)
    error = rounding_error(found, target, hessian)
    assert (error < rounding_error(np.rint(target), target, hessian)).all()
    for k in range(70):
        for step in (-1.0, 1.0):
            other = found.copy()
            other[..., k] += step
            assert (rounding_error(other, target, hessian) >= error - 1e-9).all()
