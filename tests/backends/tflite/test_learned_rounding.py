from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from dlpuconv_backends.tflite.budget import affordable_samples
from dlpuconv_backends.tflite.learned_rounding import Rounder, left_nearest
from dlpuconv_backends.tflite.numbers import Parameters, Range
from dlpuconv_backends.tflite.quantizer import quantize
from dlpuconv_backends.tflite.tuning import Tuned
from dlpuconv_backends.tflite.weights import quantize_layer, with_codes

from dlpuconv.display.progress import Silent
from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.quantization import BiasCorrection, Observer, Rounding
from dlpuconv.scheme import Granularity
from dlpuconv_backends.flatbuffer import Graph, encode
from dlpuconv_backends.tflite import learned_rounding
from dlpuconv_backends.tflite.naming import names_of
from tests.backends.tflite.models import INT8, PER_TENSOR, activation, run, run_quantized
from tests.backends.tflite.networks import conv, measured, pixels, separable

if TYPE_CHECKING:
    import numpy.typing as npt
    from dlpuconv_backends.tflite.quantizer import Quantized

    from dlpuconv.quantization import Recipe

SAMPLES = pixels(24)
LEARNED = replace(PER_TENSOR, observer=Observer.MINMAX, rounding=Rounding.LEARNED)
ANALYTIC = replace(LEARNED, rounding=Rounding.NEAREST, bias_correction=BiasCorrection.ANALYTIC)


def network() -> Tuned:
    """Reads many channels that go together, with weights of a few codes: one large one takes the scale."""
    random = np.random.default_rng(1)
    first, middle = random.random((16, 2)), random.normal(size=(1, 3, 3, 16))
    last = random.normal(size=(4, 16)) * 0.05
    last[:, 0] = 3.0
    return tuned(separable(first, np.full(16, 0.1), np.abs(middle) * 0.2, last))


def tuned(graph: Graph) -> Tuned:
    channels = measured(graph, SAMPLES).channels
    ranges = {name: Range(float(table[:, 0].min()), float(table[:, 1].max())) for name, table in channels.items()}
    return Tuned(graph=graph, ranges=ranges, channels=channels)


def errors(given: Tuned, made: Quantized) -> npt.NDArray[np.float64]:
    """[samples, C] mean error of the output by channel, on samples that nothing was learned from."""
    fresh = pixels(24, seed=9)
    outputs = [run_quantized(made.graph, sample)["y"] - run(given.graph, sample)["y"] for sample in fresh]
    return np.stack([values.reshape(-1, values.shape[-1]) for values in outputs])


def rounded(given: Tuned, recipe: Recipe = LEARNED, count: int = len(SAMPLES)) -> Quantized:
    return Rounder(lambda: SAMPLES[:count], Silent()).quantize(given, recipe, INT8, {})


def test_the_output_comes_closer_to_the_source_than_with_nearest_codes_and_corrected_biases() -> None:
    given = network()
    nearest, learned = (
        np.square(errors(given, made)).mean() for made in (quantize(given, ANALYTIC, INT8), rounded(given))
    )
    assert learned < 0.7 * nearest


def test_no_error_is_left_on_average() -> None:
    given = network()
    plain = np.abs(errors(given, quantize(given, PER_TENSOR, INT8)).mean(axis=(0, 1))).max()
    assert np.abs(errors(given, rounded(given)).mean(axis=(0, 1))).max() < 0.2 * plain


def test_scales_and_activations_stay_as_they_are() -> None:
    given = network()
    nearest, learned = quantize(given, LEARNED, INT8), rounded(given)
    assert learned.plan == nearest.plan
    changed = 0
    for one, other in zip(nearest.layers.values(), learned.layers.values(), strict=True):
        assert one.affine is other.affine or np.array_equal(one.affine.scale, other.affine.scale)
        changed += int((one.weights != other.weights).sum())
    assert changed


@pytest.mark.parametrize("granularity", Granularity)
def test_the_given_network_is_left_as_it_was_and_the_same_bytes_come_again(granularity: Granularity) -> None:
    given = network()
    before = encode(given.graph)
    recipe = replace(LEARNED, granularity=granularity)
    assert encode(rounded(given, recipe).graph) == encode(rounded(given, recipe).graph)
    assert encode(given.graph) == before


def test_one_sample_is_enough() -> None:
    given = network()
    assert np.isfinite(errors(given, rounded(given, count=1))).all()


def test_a_recipe_is_learned_once() -> None:
    given = network()
    asked = iter([SAMPLES])
    rounder = Rounder(lambda: next(asked), Silent())
    first, again = (rounder.quantize(given, LEARNED, INT8, {}) for _ in range(2))
    assert encode(first.graph) == encode(again.graph)


def wide_network(channels: int) -> Tuned:
    """A layer whose output reads 9 times `channels` values."""
    x, a, y = activation("x", 1, 4, 4, 2), activation("a", 1, 4, 4, channels), activation("y", 1, 4, 4, 1)
    random = np.random.default_rng(2)
    wide = conv(x, a, random.normal(size=(channels, 3, 3, 2)), np.zeros(channels))
    return tuned(Graph([x], [y], [wide, conv(a, y, random.normal(size=(1, 3, 3, channels)), np.zeros(1))]))


def test_long_rows_are_learned_strip_by_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    given = wide_network(24)
    whole = np.square(errors(given, rounded(given))).mean()
    monkeypatch.setattr(learned_rounding, "_LONGEST_STRIP", 60)
    strips = np.square(errors(given, rounded(given))).mean()
    nearest = np.square(errors(given, quantize(given, ANALYTIC, INT8))).mean()
    assert max(whole, strips) < nearest


def test_strips_hold_every_input_once_and_none_is_too_long() -> None:
    strips = learned_rounding._strips(5000)
    assert [n for strip in strips for n in range(strip.start, strip.stop)] == list(range(5000))
    assert max(strip.stop - strip.start for strip in strips) <= 2304
    assert learned_rounding._strips(1) == [slice(0, 1)]


def test_a_layer_of_too_many_weights_keeps_its_nearest_codes_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned_rounding, "_MOST_CODES", 24 * 18 * 18)
    given = wide_network(24)
    nearest, learned = quantize(given, LEARNED, INT8), rounded(given)
    kept = [np.array_equal(nearest.layers[op].weights, learned.layers[op].weights) for op in given.graph.operators]
    assert kept == [False, True]
    assert left_nearest(given.graph, names_of(given.graph, UNKNOWN))[0].endswith("too many weights: y")
    assert left_nearest(network().graph, {}) == ()


def test_steps_that_share_their_weights_keep_one_set_of_codes_which_is_written_once() -> None:
    x, a, b, y = (activation(name, 1, 4, 4, 2) for name in ("x", "a", "b", "y"))
    own, shared = np.random.default_rng(3).normal(size=(2, 2, 3, 3, 2))
    steps = [conv(source, made, shared, np.zeros(2)) for source, made in ((a, b), (b, y))]
    given = tuned(Graph([x], [y], [conv(x, a, own, np.zeros(2)), *steps]))
    nearest, learned = quantize(given, LEARNED, INT8), rounded(given)
    kept = [np.array_equal(nearest.layers[op].weights, learned.layers[op].weights) for op in given.graph.operators]
    assert kept == [False, True, True]
    names = names_of(given.graph, UNKNOWN)
    assert left_nearest(given.graph, names) == (
        "the rounding of 2 layers was not learned, as they share their weights: b, y",
    )
    first, one, other = (op.input(1) for op in learned.graph.operators if op.kind == "CONV_2D")
    assert one is other
    assert first is not one


def test_codes_with_which_an_accumulator_could_leave_32_bits_are_not_taken() -> None:
    x, y = activation("x", 1, 1, 1, 100_000), activation("y", 1, 1, 1, 2)
    op = conv(x, y, np.ones((2, 1, 1, 100_000)), np.zeros(2))
    data = Parameters(0.01, -128)
    nearest = quantize_layer(op, data, Granularity.PER_TENSOR)
    codes = np.stack([np.full((1, 1, 100_000), 127.0), np.zeros((1, 1, 100_000))])
    made = with_codes(op, nearest, codes, np.array([1.0, 2.0]), data)
    assert np.array_equal(made.weights[0], nearest.weights[0])
    assert not made.weights[1].any()
    assert made.bias is not None
    assert made.bias_affine is not None
    assert made.bias[0] == 0
    assert made.bias[1] * made.bias_affine.scale[0] == pytest.approx(2.0, rel=1e-3)


def test_larger_networks_are_looked_at_on_fewer_samples() -> None:
    small = network().graph
    x, y = activation("x", 1, 1024, 1024, 4), activation("y", 1, 1024, 1024, 64)
    large = Graph([x], [y], [conv(x, y, np.zeros((64, 3, 3, 4)), np.zeros(64))])
    assert affordable_samples(large) < affordable_samples(small)
