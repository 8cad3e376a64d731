"""What TensorFlow's quantizer does not do for itself: equalized channels, learned rounding, corrected biases.

It is handed the real values of the codes that were learned, which it rounds to the same ones: where the largest of a
layer is the largest that there is, its scale is the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8
from dlpuconv.plugin.data import Origin
from dlpuconv.plugin.quantization import Constants, Observer, Quantizer, Recipe, Rounding, given_of, usual_recipe
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.interface import interface_of
from dlpuconv_backends.tflite.legalize import legalize
from dlpuconv_backends.tflite.naming import name_uniquely
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.refusals import refuse_unsupported

if TYPE_CHECKING:
    from dlpuconv.plugin import Job, Target
    from dlpuconv.plugin.quantization import Quantized
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.lowering import Lowered


class Tuning:
    """The float graph of a job, and what the techniques that all networks gain by make of it."""

    def __init__(self, job: Job, lowered: Lowered) -> None:
        """Rewrite the graph to operators that have an int8 form, and measure its activations.

        Raises:
            UnsupportedModelError: lists every operator that has none.
            CalibrationError: an activation is not finite, or a sample does not fit.
            BackendError: the graph cannot be run.
        """
        graph = lowered.graph
        legalize(graph)
        graph.drop_dead()
        refuse_unsupported(graph, job.names)
        name_uniquely(graph)
        network = TFLiteNetwork(graph)

        def realize(quantized: Quantized) -> TFLiteNetwork:
            return TFLiteNetwork(build(quantized, interface_of(job)), network)

        assert job.calibration is not None
        self._calibration = job.calibration
        given = given_of(job, network, lowered.input_permutations, codes=INT8, runtime="ai-edge-litert")
        self._quantizer = Quantizer(network, given, realize)

    def recipe(self, asked: Recipe, target: Target) -> Recipe:
        """What is done: the granularity that is asked for, and the ranges that TensorFlow will observe."""
        start = Recipe(granularity=asked.granularity)
        if self._calibration.origin is not Origin.RANDOM:
            start = usual_recipe(
                start,
                lambda recipe, what: self._quantizer.propose(recipe, target.scheme, what),
                made_up=not self._calibration.calibrated,
            )
        return replace(start, observer=Observer.MINMAX, rounding=Rounding.LEARNED)

    def tuned(self, recipe: Recipe, target: Target) -> Graph:
        """The float graph that computes the same, and loses less when TensorFlow quantizes it.

        Raises:
            UnsupportedModelError: values are so large that no scale holds them beside others.
            BackendError: the graph cannot be run.
        """
        quantized = self._quantizer.quantize(recipe, target.scheme).quantized
        network = quantized.network
        assert isinstance(network, TFLiteNetwork)
        learned = {
            node: Constants(
                weights=made.affine.decode(made.weights),
                bias=None if made.bias is None or made.bias_affine is None else made.bias_affine.decode(made.bias),
            )
            for node, made in quantized.layers.items()
        }
        return network.with_constants(learned).graph
