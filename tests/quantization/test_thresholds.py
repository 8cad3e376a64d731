"""Which logits the codes of an output hold, where its final activation is left out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.ir import ActivationKind, FinalActivation
from dlpuconv.ir.activation import LOGIT
from dlpuconv.network import Range
from dlpuconv.quantization import Observer
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.ranges.thresholds import holding_thresholds
from tests.network.examples import decoder, weights
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_TENSOR, SCHEME, given, samples

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork

SIGMOID = FinalActivation(kind=ActivationKind.SIGMOID, output="scores")
SOFTMAX = FinalActivation(kind=ActivationKind.SOFTMAX, output="scores", axis=1)


def test_thresholds_of_one_in_a_thousand_are_seven_from_zero() -> None:
    assert pytest.approx(6.9068, abs=1e-4) == LOGIT
    assert SIGMOID.of(np.array([-LOGIT, LOGIT])) == pytest.approx([0.001, 0.999])


@pytest.mark.parametrize(("low", "high", "highest"), [(-16, 2, LOGIT), (-1, 1, LOGIT), (-3, 20, 20)])
def test_a_sigmoids_logits_reach_from_the_lowest_threshold_to_all_that_was_seen(
    low: float, high: float, highest: float
) -> None:
    held = SIGMOID.held(low, high)
    assert -LOGIT * 1.03 < held[0] < -LOGIT
    assert highest <= held[1] <= highest * 1.03


def test_a_softmax_needs_differences_of_that_size_and_keeps_all_that_was_seen() -> None:
    assert SOFTMAX.held(-3, 8) == (-3, 8)
    assert SOFTMAX.held(4, 5) == pytest.approx((4.5 - LOGIT / 2, 4.5 + LOGIT / 2))


def test_all_that_shares_the_scale_of_the_logits_is_changed_and_nothing_else() -> None:
    network = decoder()
    ranges = {value.name: Range(-50.0, 1.0) for value in network.values() if not value.is_constant}
    assert holding_thresholds(network, ranges, (None,) * 3) == ranges
    assert holding_thresholds(network, ranges, ()) == ranges
    changed = {name for name, found in holding_thresholds(network, ranges, (SIGMOID,)).items() if found != ranges[name]}
    assert network.outputs[0].name in changed
    assert not changed & {value.name for value in (*network.inputs, *network.outputs[1:])}


def heads() -> NumpyNetwork:
    """Two layers of logits that are joined."""
    b = Builder()
    x = b.input("x", 1, 4, 4, 3)
    parts = [
        b.reshape(f"rows{i}", b.conv(f"head{i}", x, weights(2, 1, 1, 3, seed=i), [-3.0 * i, 0.5]), 1, 16, 2)
        for i in (1, 2)
    ]
    return b.network(b.concat("y", parts, 1))


@pytest.mark.parametrize("observer", Observer)
def test_a_file_of_logits_holds_the_thresholds_whatever_the_samples_show_and_an_observer_says(
    observer: Observer,
) -> None:
    network = heads()
    made = Quantizer(network, replace(given(samples(network, 12, low=-1)), endings=(SIGMOID,)), realized)
    plan = made.quantize(replace(PER_TENSOR, observer=observer), SCHEME).quantized.plan
    for node in network.nodes:
        affine = plan.scales[node.output]
        assert (-128 - affine.zero_point) * affine.scale <= -LOGIT
        assert (127 - affine.zero_point) * affine.scale >= LOGIT
