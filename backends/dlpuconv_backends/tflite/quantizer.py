"""The integer quantizer: a float graph and its statistics -> an integer graph and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.quantization import BiasCorrection
from dlpuconv_backends.tflite.emit import Interface, build
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.plan import choose_ranges, plan_activations
from dlpuconv_backends.tflite.refusals import refuse_coarse, refuse_too_wide
from dlpuconv_backends.tflite.weights import LayerWeights, Refinement, granularity, layer_names, quantize_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
    from dlpuconv_backends.tflite.numbers import Parameters, Range
    from dlpuconv_backends.tflite.plan import ActivationPlan
    from dlpuconv_backends.tflite.tuning import Tuned


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """The result of one recipe.

    Attributes:
        graph: integer.
        plan: the activations' parameters.
        layers: the layers' integers, by operator of the float graph.
    """

    graph: Graph
    plan: ActivationPlan
    layers: Mapping[Operator, LayerWeights]


def quantize(
    tuned: Tuned,
    recipe: Recipe,
    interface: Interface,
    inputs: Mapping[str, Parameters] | None = None,
) -> Quantized:
    """Quantize a legal float graph; it is not changed.

    Args:
        tuned: a float graph whose every operator with data has an entry in `SPECS`, and its ranges.
        recipe: granularities, weight scales, bias correction.
        interface: types of the ends.
        inputs: parameters that inputs must have, by name.

    Raises:
        UsageError: an override names no layer.
        UnsupportedModelError: values are so large that no scale holds them beside others.
    """
    graph, ranges = tuned.graph, tuned.ranges
    prescribed = {t: inputs[t.name] for t in graph.inputs if inputs and t.name in inputs}
    observed: dict[Tensor, Range] = {t: ranges[t.name] for t in graph.tensors() if t.name in ranges}
    chosen = choose_ranges(graph, observed)
    refuse_too_wide(graph, chosen)
    plan = plan_activations(graph, chosen, prescribed)
    refuse_coarse(graph, plan)
    layers = quantize_layers(tuned, plan, recipe)
    return Quantized(graph=build(graph, plan, layers, interface), plan=plan, layers=layers)


def quantize_layers(tuned: Tuned, plan: ActivationPlan, recipe: Recipe) -> dict[Operator, LayerWeights]:
    """Integers of every layer with weights, under the recipe's granularities.

    Raises:
        UsageError: an override names no layer.
    """
    found: dict[Operator, LayerWeights] = {}
    for op in tuned.graph.operators:
        if op.kind in SPECS and SPECS[op.kind].weights is not None:
            found[op] = quantize_one(op, tuned, plan, recipe)
    _check_overrides(recipe, found)
    return found


def quantize_one(op: Operator, tuned: Tuned, plan: ActivationPlan, recipe: Recipe) -> LayerWeights:
    """Integers of one layer with weights."""
    weights = SPECS[op.kind].weights
    assert weights is not None
    data = plan.read_as(op, weights.data)
    return quantize_layer(op, data, granularity(op, recipe), _refinement(op, tuned, recipe))


def _refinement(op: Operator, tuned: Tuned, recipe: Recipe) -> Refinement:
    weights = SPECS[op.kind].weights
    assert weights is not None
    name = op.input(weights.data).name
    measured = tuned.channels.get(name)
    if recipe.bias_correction is BiasCorrection.OFF or measured is None:
        return Refinement(weight_scale=recipe.weight_scale)
    return Refinement(weight_scale=recipe.weight_scale, mean=measured[:, 2], moved=tuned.moved.get(name))


def _check_overrides(recipe: Recipe, layers: Mapping[Operator, LayerWeights]) -> None:
    names = [layer_names(op) for op in layers]
    for override in recipe.overrides:
        alone = type(recipe)(granularity=recipe.granularity, overrides=(override,))
        if not any(alone.granularity_of(*of) for of in names):
            known = [name for of in names for name in of]
            raise UsageError(
                f"--override {override.pattern}={override.granularity} matches none of the {len(names)} layers with "
                f"weights{did_you_mean(override.pattern, known)}; the first are {', '.join(of[0] for of in names[:3])}"
            )
