from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from dlpuconv_backends.tflite.empirical_bias import quantize_empirically
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.stepwise import Stepwise
from dlpuconv_backends.tflite.tuning import Tuned

from dlpuconv.quantization import BiasCorrection, Observer
from dlpuconv_backends.flatbuffer import encode
from tests.backends.tflite.models import INT8, PER_TENSOR, run
from tests.backends.tflite.networks import measured, pixels, separable

if TYPE_CHECKING:
    from dlpuconv_backends.tflite.quantizer import Quantized

    from dlpuconv_backends.flatbuffer import Graph

SAMPLES = pixels(8)
ANALYTIC = replace(PER_TENSOR, observer=Observer.MINMAX, bias_correction=BiasCorrection.ANALYTIC)


def saturated() -> Tuned:
    """Its first activation goes to 2, but its scale holds no more than 1: the mean of what is read goes down."""
    graph = separable(np.eye(3, 2) * 2, np.zeros(3), np.full((1, 3, 3, 3), 0.1), np.array([[1.0, 0.5, 1.0]]))
    channels = measured(graph, SAMPLES).channels
    ranges = {name: Range(float(t[:, 0].min()), float(t[:, 1].max())) for name, t in channels.items()}
    ranges |= {"a": Range(0.0, 1.0), "y": Range(-1.0, 4.0)}
    return Tuned(graph=graph, ranges=ranges, channels=channels)


def mean_error(tuned: Tuned, made: Quantized) -> float:
    """Of the output, in real units, over the samples."""
    last = made.graph.outputs[0]
    assert last.quantization is not None
    run_through = Stepwise(made.graph, SAMPLES)
    for op in made.graph.operators:
        run_through.step(op)
    expected = np.mean([run(tuned.graph, sample)["y"].mean() for sample in SAMPLES])
    return float(run_through.mean(last).mean() - expected)


def test_the_mean_that_saturation_takes_away_is_given_back() -> None:
    tuned = saturated()
    analytic = quantize(tuned, ANALYTIC, INT8)
    empirical = quantize_empirically(tuned, ANALYTIC, INT8, {}, SAMPLES)
    assert mean_error(tuned, analytic) < -0.05
    assert abs(mean_error(tuned, empirical)) < 0.2 * abs(mean_error(tuned, analytic))


def test_where_no_mean_moves_the_analytic_correction_stays() -> None:
    tuned = saturated()
    exact = replace(tuned, ranges=dict(tuned.ranges) | {"a": Range(0.0, 2.0)})
    analytic, empirical = (made.layers.values() for made in _both(exact))
    for one, other in zip(analytic, empirical, strict=True):
        assert np.array_equal(one.weights, other.weights)
        assert one.bias is not None
        assert other.bias is not None
        assert one.bias_affine is not None
        shift = np.abs(one.bias - other.bias) * one.bias_affine.scale
        assert shift.max() < 0.02


def _both(tuned: Tuned) -> tuple[Quantized, Quantized]:
    return quantize(tuned, ANALYTIC, INT8), quantize_empirically(tuned, ANALYTIC, INT8, {}, SAMPLES)


def test_the_given_network_is_left_as_it_was_and_the_same_bytes_come_again() -> None:
    tuned = saturated()
    before = encode(tuned.graph)
    first, second = (encode(quantize_empirically(tuned, ANALYTIC, INT8, {}, SAMPLES).graph) for _ in range(2))
    assert first == second
    assert encode(tuned.graph) == before


def test_operators_one_by_one_give_what_the_whole_network_gives() -> None:
    graph: Graph = quantize(saturated(), ANALYTIC, INT8).graph
    given, out = graph.inputs[0], graph.outputs[0]
    assert given.quantization is not None
    assert out.quantization is not None
    stepwise = Stepwise(graph, SAMPLES[:1])
    for op in graph.operators:
        stepwise.step(op)
    codes = np.clip(np.rint(SAMPLES[0]["x"] / given.quantization.scale) + given.quantization.zero_point, -128, 127)
    whole = run(graph, {"x": codes.astype(np.int8)})["y"].astype(np.float64)
    real = (whole - out.quantization.zero_point) * out.quantization.scale
    assert stepwise.mean(out) == pytest.approx([real.mean()])
