"""The same network under everything that a chip may want of its numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, INT16, UINT8, UINT16, Affine
from dlpuconv.quantization.quantize import Quantized, quantize
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.recipe import Recipe
from dlpuconv.quantization.tuned import Tuned
from dlpuconv.scheme import Coding, Granularity
from tests.network.examples import weights
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.network.numpy_network import NumpyNetwork
from tests.quantization.support import PER_CHANNEL, PER_TENSOR, SCHEME, measured_ranges, outputs, samples, sqnr_db


def network() -> NumpyNetwork:
    """Two layers with a sum between them; nothing of which a format prescribes the scale."""
    b = Builder()
    x = b.input("x", 1, 6, 6, 2)
    a = b.conv("a", x, weights(8, 3, 3, 2, seed=1), np.linspace(-0.2, 0.2, 8), function="relu")
    s = b.sum("s", a, np.linspace(0.0, 1.0, 8))
    return b.network(b.conv("y", s, weights(3, 1, 1, 8, seed=2), np.zeros(3)))


def quantized(recipe: Recipe = PER_CHANNEL, **wanted: Any) -> Quantized:
    net = network()
    ranges = measured_ranges(net, observed_values(net), samples(net, 8, low=-1.0))
    return quantize(Tuned(network=net, ranges=ranges), recipe, replace(SCHEME, **wanted))


def decibels(found: Quantized) -> float:
    """Of the outputs of the integer network, on other samples."""
    integer = realized(found)
    (given,), (made,) = integer.inputs, integer.outputs
    assert given.affine is not None
    assert made.affine is not None
    codes = found.scheme.activation_codes.type
    pairs = []
    for feed in samples(found.network, 4, seed=1, low=-1.0):
        (code,) = outputs(integer, {given.name: given.affine.encode(feed["x"], codes)})
        pairs.append((outputs(found.network, feed)[0], made.affine.decode(code)))
    expected, values = (np.stack(side) for side in zip(*pairs, strict=True))
    return sqnr_db(expected, values)


def scales(found: Quantized) -> set[float]:
    layers = [s for layer in found.layers.values() for s in layer.affine.scales]
    return {*(affine.scale for affine in found.plan.scales.values()), *layers}


def test_unsigned_activations_are_the_signed_ones_and_128_more() -> None:
    signed, unsigned = quantized(), quantized(activation_codes=Coding(type=UINT8))
    for one, other in zip(signed.plan.scales.values(), unsigned.plan.scales.values(), strict=True):
        assert other == Affine.of(one.scale, one.zero_point + 128)
    for layer, same in zip(signed.layers.values(), unsigned.layers.values(), strict=True):
        assert np.array_equal(layer.weights, same.weights)
        assert layer.bias is not None
        assert layer.bias.tolist() == (same.bias.tolist() if same.bias is not None else None)
    assert decibels(unsigned) == pytest.approx(decibels(signed))


@pytest.mark.parametrize("codes", [INT16, UINT16])
def test_activations_of_16_bits_leave_the_error_of_the_weights(codes: Any) -> None:
    found = quantized(activation_codes=Coding(type=codes))
    assert all(layer.repaired == 0 for layer in found.layers.values())
    assert {v.dtype for v in realized(found).values() if v.is_data and not v.is_constant} == {codes.dtype}
    assert decibels(found) > decibels(quantized()) + 2


def test_symmetric_activations_lose_the_bit_that_a_range_above_zero_does_not_use() -> None:
    found = quantized(activation_codes=Coding(symmetric=True))
    assert {affine.zero_point for affine in found.plan.scales.values()} == {0}
    assert 30 < decibels(found) < decibels(quantized())


def test_powers_of_two_lose_a_bit_at_most() -> None:
    shifts = Coding(power_of_two=True)
    found = quantized(activation_codes=shifts, weight_codes=replace(shifts, symmetric=True))
    assert {float(np.frexp(scale)[0]) for scale in scales(found)} == {0.5}
    assert decibels(found) > decibels(quantized()) - 6.1


@pytest.mark.parametrize("type_", [INT8, UINT8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_weights_of_any_type_and_symmetry_are_as_good(type_: Any, symmetric: bool) -> None:
    found = quantized(weight_codes=Coding(type=type_, symmetric=symmetric))
    assert {layer.weights.dtype for layer in found.layers.values()} == {type_.dtype}
    assert decibels(found) == pytest.approx(decibels(quantized()), abs=1.0)


def test_a_reduced_range_costs_no_more_than_the_bit_that_is_left_unused() -> None:
    found = quantized(weight_codes=Coding(symmetric=True, reduce_range=True))
    assert max(int(np.abs(layer.weights.astype(int)).max()) for layer in found.layers.values()) == 63
    assert decibels(quantized()) - 6.1 < decibels(found) < decibels(quantized())


def test_a_chip_may_want_another_granularity_of_one_operator() -> None:
    plain = quantized(PER_TENSOR)
    assert not any(layer.affine.per_channel for layer in plain.layers.values())
    found = quantized(PER_TENSOR, by_operator={"conv": Granularity.PER_CHANNEL})
    assert all(layer.affine.per_channel for layer in found.layers.values())


def test_a_chip_may_prescribe_what_an_operator_makes() -> None:
    told = Affine.of(1 / 32, 0)
    found = quantized(prescribed={"add": told})
    assert [found.plan.scales[node.output] == told for node in found.network.nodes] == [False, True, False]
    assert decibels(found) > 25
