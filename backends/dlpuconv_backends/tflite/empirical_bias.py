"""Empirical bias correction: biases follow what layers really read once everything in front of them is quantized.

The analytic correction takes the mean of a layer's input from the float network. In the quantized one that mean has
moved as well: by saturation, by rounding that is not even, by what is left in the layers before. Here the integer
operators run one after the other on some samples; before a layer runs, its bias is set so that the mean of its
pre-activation is the float network's: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", supplement D.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.channel_statistics import Channels, channels_of
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.quantizer import quantize, quantize_one
from dlpuconv_backends.tflite.statistics import observe
from dlpuconv_backends.tflite.stepwise import Stepwise

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.tflite.emit import Interface
    from dlpuconv_backends.tflite.numbers import Parameters
    from dlpuconv_backends.tflite.quantizer import Quantized
    from dlpuconv_backends.tflite.statistics import Feed
    from dlpuconv_backends.tflite.tuning import Tuned

    type Means = dict[str, npt.NDArray[np.float64]]

_SAMPLES = 24


def quantize_empirically(
    tuned: Tuned,
    recipe: Recipe,
    interface: Interface,
    inputs: Mapping[str, Parameters],
    feeds: Iterable[Feed],
) -> Quantized:
    """Quantize with biases that fit what the layers of the integer network read.

    Args:
        tuned: with channels.
        recipe: as for `quantize`.
        interface: types of the ends.
        inputs: parameters that inputs must have, by name.
        feeds: real values of the float graph's inputs; the first few are used.
    """
    few = list(islice(feeds, _SAMPLES))
    layers = [op for op in tuned.graph.operators if _is_layer(op)]
    expected = _float_means(tuned.graph, layers, few)
    analytic = quantize(tuned, recipe, interface, inputs)
    run = Stepwise(analytic.graph, few)
    moved: Means = {}
    remaining = iter(layers)  # the integer graph has the same layers in the same order
    for op in analytic.graph.operators:
        if not _is_layer(op):
            run.step(op)
            continue
        layer = next(remaining)
        name = _read(layer).name
        if name in expected:  # the few samples' own mean cancels: the difference between the two networks counts
            moved[name] = run.mean(_read(op)) - expected[name]
        made = quantize_one(layer, replace(tuned, moved=moved), analytic.plan, recipe, analytic.names[layer])
        run.step(op if made.bias is None else _with_bias(op, made.bias))
    return quantize(replace(tuned, moved=moved), recipe, interface, inputs)


def _is_layer(op: Operator) -> bool:
    return op.kind in SPECS and SPECS[op.kind].weights is not None


def _read(op: Operator) -> Tensor:
    at = SPECS[op.kind].weights
    assert at is not None
    return op.input(at.data)


def _with_bias(op: Operator, codes: npt.NDArray[np.int32]) -> Operator:
    at = SPECS[op.kind].weights
    assert at is not None
    old = op.input(at.bias)
    bias = Tensor(old.name, old.shape, old.dtype, codes.reshape(old.shape), old.quantization, old.source_names)
    return Operator(op.kind, [bias if t is old else t for t in op.inputs], op.outputs, op.options, op.source_name)


def _float_means(graph: Graph, layers: Sequence[Operator], feeds: Sequence[Feed]) -> Means:
    """[C] mean by channel of every activation that a layer reads."""
    tensors = list(dict.fromkeys(_read(op) for op in layers))
    counts = [channels_of(t) for t in tensors]
    table = observe(graph, tensors, feeds, [Channels(counts)]).values[Channels.name]
    parts = np.split(table[:, 2], np.cumsum(counts)[:-1])
    return {t.name: part for t, part in zip(tensors, parts, strict=True)}
