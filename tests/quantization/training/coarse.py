"""A network whose weights have few codes, as one of each layer is large; it is there without torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization import Observer, Rounding
from dlpuconv.quantization.quantizer import Quantizer
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, given, samples
from tests.quantization.techniques.networks import separable

if TYPE_CHECKING:
    from dlpuconv.quantization.quantizer import RecipeOutcome
    from tests.network.numpy_network import NumpyNetwork

MINMAX = replace(PER_TENSOR, observer=Observer.MINMAX)


def network() -> NumpyNetwork:
    random = np.random.default_rng(1)
    first, middle = random.random((16, 2)), np.abs(random.normal(size=(16, 3, 3, 1))) * 0.2
    last = random.normal(size=(4, 16)) * 0.05
    last[:, 0] = 3.0
    return separable(first, np.full(16, 0.1), middle, last)


def quantized(rounding: str) -> RecipeOutcome:
    """What a fresh quantizer makes of it."""
    made = network()
    quantizer = Quantizer(made, given(samples(made, 24)), realized)
    return quantizer.quantize(replace(MINMAX, rounding=Rounding(rounding)), SCHEME)


def key(rounding: str) -> str:
    """Of the integer network that a fresh quantizer makes."""
    return realized(quantized(rounding).quantized).key
