from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Range
from dlpuconv.quantization import BiasCorrection, Observer
from dlpuconv.quantization.quantize import quantize
from dlpuconv.quantization.techniques.empirical_bias import moved_means
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, samples
from tests.quantization.techniques.networks import separable
from tests.quantization.techniques.tuned import as_measured, errors

if TYPE_CHECKING:
    from dlpuconv.quantization.quantize import Quantized
    from dlpuconv.quantization.tuned import Tuned

ANALYTIC = replace(PER_TENSOR, observer=Observer.MINMAX, bias_correction=BiasCorrection.ANALYTIC)
NETWORK = separable(np.eye(3, 2) * 2, np.zeros(3), np.full((3, 3, 3, 1), 0.1), np.array([[1.0, 0.5, 1.0]]))
SAMPLES = samples(NETWORK, 8)


def saturated(highest: float) -> Tuned:
    """Its first activation goes to 2; where its scale holds less, the mean of what is read goes down."""
    tuned = as_measured(NETWORK, SAMPLES)
    return replace(tuned, ranges={**tuned.ranges, "a": Range(0.0, highest), "y": Range(-1.0, 4.0)})


def both(tuned: Tuned) -> tuple[Quantized, Quantized]:
    """With biases corrected analytically, and empirically."""
    analytic = quantize(tuned, ANALYTIC, SCHEME)
    moved = moved_means(tuned, ANALYTIC, analytic, realized, SAMPLES)
    return analytic, quantize(replace(tuned, moved=moved), ANALYTIC, SCHEME)


def test_the_mean_that_saturation_takes_away_is_given_back() -> None:
    analytic, empirical = (errors(NETWORK, made, SAMPLES).mean() for made in both(saturated(1.0)))
    assert analytic < -0.05
    assert abs(empirical) < 0.2 * abs(analytic)


def test_where_no_mean_moves_the_analytic_correction_stays() -> None:
    for one, other in zip(*(made.layers.values() for made in both(saturated(2.0))), strict=True):
        assert np.array_equal(one.weights, other.weights)
        assert one.bias is not None
        assert other.bias is not None
        assert one.bias_affine is not None
        assert np.abs((one.bias - other.bias) * np.array(one.bias_affine.scales)).max() < 0.02


def test_the_given_network_is_left_as_it_was_and_the_same_biases_come_again() -> None:
    before = NETWORK.key
    first, second = (list(both(saturated(1.0))[1].layers.values()) for _ in range(2))
    assert all(np.array_equal(one.bias, other.bias) for one, other in zip(first, second, strict=True))  # type: ignore[arg-type]
    assert NETWORK.key == before
