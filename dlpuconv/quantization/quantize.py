"""From a float network and the ranges of its activations to all of its integers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.ir.weight_file import rest
from dlpuconv.quantization.naming import names_of
from dlpuconv.quantization.ranges.choice import choose_ranges
from dlpuconv.quantization.recipe import BiasCorrection
from dlpuconv.quantization.refusals import refuse_coarse, refuse_too_wide
from dlpuconv.quantization.scales.plan import plan_activations
from dlpuconv.quantization.stated.activations import stated_activations
from dlpuconv.quantization.stated.weights import stated_weights
from dlpuconv.quantization.weights.granularity import check_overrides, granularity
from dlpuconv.quantization.weights.layer import LayerWeights, Refinement, quantize_layer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.affine import Affine
    from dlpuconv.ir.given_scales import GivenScales
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Network, Node
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.quantization.scales.plan import ActivationPlan
    from dlpuconv.quantization.stated.weights import StatedWeights
    from dlpuconv.quantization.tuned import Tuned
    from dlpuconv.scheme import Scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantized:
    """The result of one recipe: all that a backend needs to write an integer file.

    Attributes:
        network: float.
        scheme: that it follows.
        plan: the activations' scales.
        layers: the layers' integers, in the network's order.
        names: of every node.
        stated: scales of a source are kept: what is computed is to be rounded where the source rounds it.
    """

    network: Network
    scheme: Scheme
    plan: ActivationPlan
    layers: Mapping[Node, LayerWeights]
    names: Mapping[Node, LayerNames]
    stated: bool = False


def quantize(tuned: Tuned, recipe: Recipe, scheme: Scheme, inputs: Mapping[str, Affine] | None = None) -> Quantized:
    """Quantize a legal float network; it is not changed.

    Args:
        tuned: the network and its ranges.
        recipe: granularities, weight scales, bias correction.
        scheme: what the chip wants.
        inputs: scales that inputs must have, by name.

    Raises:
        UsageError: an override names no layer.
        UnsupportedModelError: values are so large that no scale holds them beside others.
    """
    network, ranges = tuned.network, tuned.ranges
    prescribed = {v: inputs[v.name] for v in network.inputs if inputs and v.name in inputs}
    stated = stated_activations(network, tuned.stated, scheme.activation_codes, tuned.scaled)
    observed = {v: ranges[v.name] for v in network.values() if not v.is_constant and v.name in ranges}
    observed |= stated.ranges
    chosen = choose_ranges(network, observed, scheme.activation_codes.type)
    refuse_too_wide(network, chosen, tuned.names)
    plan = plan_activations(network, chosen, {**stated.scales, **prescribed}, scheme)
    refuse_coarse(network, plan, tuned.names)
    names = names_of(network, tuned.names)
    layers = [node for node in network.nodes if node.layer is not None]
    check_overrides(recipe, [names[node] for node in layers], list(names.values()))
    found = Quantized(network=network, scheme=scheme, plan=plan, layers={}, names=names, stated=bool(tuned.stated))
    made = {}
    for node in layers:
        made[node] = quantize_one(node, tuned, found, recipe)
        rest()  # its float weights are not read again
    return replace(found, layers=made)


def stated_layers(
    network: Network, stated: GivenScales, names: SourceNames, recipe: Recipe, scheme: Scheme
) -> frozenset[Node]:
    """The layers of a network whose weights a chip can have as the source states them; see `quantize`."""
    titles = names_of(network, names)
    layers = [node for node in network.nodes if node.layer is not None and node.layer.weights is not None]
    chosen = {node: granularity(node, recipe, scheme, titles[node]) for node in layers}
    found = {node: stated_weights(node, stated, titles[node], chosen[node], scheme.weight_codes) for node in layers}
    return frozenset(node for node, each in found.items() if each.affine is not None)


def quantize_one(node: Node, tuned: Tuned, quantized: Quantized, recipe: Recipe) -> LayerWeights:
    """Integers of one layer.

    Args:
        node: with a layer.
        tuned: the network and what is known of its means.
        quantized: of which the plan and the names are needed.
        recipe: see `quantize`.
    """
    assert node.layer is not None
    scheme = quantized.scheme
    chosen = granularity(node, recipe, scheme, quantized.names[node])
    data = quantized.plan.read_as(node, node.layer.data)
    stated = stated_weights(node, tuned.stated, quantized.names[node], chosen, scheme.weight_codes)
    return quantize_layer(node.layer, data, chosen, scheme, _refinement(node, tuned, recipe, stated))


def _refinement(node: Node, tuned: Tuned, recipe: Recipe, stated: StatedWeights) -> Refinement:
    """What the recipe asks for; nothing of weights that are the source's."""
    assert node.layer is not None
    name = node.input(node.layer.data).name
    measured = tuned.channels.get(name)
    if recipe.bias_correction is BiasCorrection.OFF or measured is None or stated.affine is not None:
        return Refinement(weight_scale=recipe.weight_scale, stated=stated)
    return Refinement(weight_scale=recipe.weight_scale, stated=stated, mean=measured[:, 2], moved=tuned.moved.get(name))
