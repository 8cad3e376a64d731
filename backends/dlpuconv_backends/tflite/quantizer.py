"""The integer quantizer: a float graph and its statistics -> an integer graph and what there is to say about it."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError
from dlpuconv.ir.layer_names import closest
from dlpuconv.ir.weight_file import rest
from dlpuconv.quantization import BiasCorrection
from dlpuconv_backends.tflite.emit import Interface, build
from dlpuconv_backends.tflite.naming import names_of
from dlpuconv_backends.tflite.operators import SPECS
from dlpuconv_backends.tflite.plan import choose_ranges, plan_activations
from dlpuconv_backends.tflite.refusals import refuse_coarse, refuse_too_wide
from dlpuconv_backends.tflite.weights import LayerWeights, Refinement, granularity, quantize_layer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.ir.layer_names import LayerNames
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
        names: of every operator of the float graph.
    """

    graph: Graph
    plan: ActivationPlan
    layers: Mapping[Operator, LayerWeights]
    names: Mapping[Operator, LayerNames]


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
    refuse_too_wide(graph, chosen, tuned.names)
    plan = plan_activations(graph, chosen, prescribed)
    refuse_coarse(graph, plan, tuned.names)
    names = names_of(graph, tuned.names)
    layers = _quantize_layers(tuned, plan, recipe, names)
    return Quantized(graph=build(graph, plan, layers, interface), plan=plan, layers=layers, names=names)


def _quantize_layers(
    tuned: Tuned, plan: ActivationPlan, recipe: Recipe, names: Mapping[Operator, LayerNames]
) -> dict[Operator, LayerWeights]:
    """Integers of every layer with weights, under the recipe's granularities.

    Raises:
        UsageError: an override names no layer.
    """
    layers = [op for op in tuned.graph.operators if op.kind in SPECS and SPECS[op.kind].weights is not None]
    _check_overrides(recipe, [names[op] for op in layers], list(names.values()))
    found = {}
    for op in layers:
        found[op] = quantize_one(op, tuned, plan, recipe, names[op])
        rest()  # its float weights are not read again
    return found


def quantize_one(op: Operator, tuned: Tuned, plan: ActivationPlan, recipe: Recipe, names: LayerNames) -> LayerWeights:
    """Integers of one layer with weights, which has these names."""
    weights = SPECS[op.kind].weights
    assert weights is not None
    data = plan.read_as(op, weights.data)
    return quantize_layer(op, data, granularity(op, recipe, names), _refinement(op, tuned, recipe))


def _refinement(op: Operator, tuned: Tuned, recipe: Recipe) -> Refinement:
    weights = SPECS[op.kind].weights
    assert weights is not None
    name = op.input(weights.data).name
    measured = tuned.channels.get(name)
    if recipe.bias_correction is BiasCorrection.OFF or measured is None:
        return Refinement(weight_scale=recipe.weight_scale)
    return Refinement(weight_scale=recipe.weight_scale, mean=measured[:, 2], moved=tuned.moved.get(name))


def _check_overrides(recipe: Recipe, layers: Sequence[LayerNames], others: Sequence[LayerNames]) -> None:
    """Refuse what would be ignored: names of no layer, and of layers that have no weights.

    Args:
        recipe: has the overrides.
        layers: with weights.
        others: all of the network.
    """
    for override in recipe.overrides:
        if any(names.match(override.pattern) for names in layers):
            continue
        asked = f"--override {quote(f'{override.pattern}={override.granularity}')}"
        told = f"{asked} matches none of the {len(layers)} layers with weights"
        weightless = next((names for names in others if names.match(override.pattern)), None)
        if weightless is not None:
            raise UsageError(f"{told}: {weightless.title} has none")
        first = ", ".join(names.title for names in layers[:3])
        raise UsageError(f"{told}{closest(override.pattern, layers)}; the first are {first}")
