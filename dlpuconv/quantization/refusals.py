"""Nodes that cannot be quantized are refused together, with their ONNX names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError, UsageError, did_you_mean
from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.language.brief import listed
from dlpuconv.quantization.naming import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Network, Node, Range, Value
    from dlpuconv.quantization.recipe import Recipe
    from dlpuconv.quantization.scales.plan import ActivationPlan

_SHOWN = 12
_HUGE = 1e20
"""Far beyond what a trained network computes with, and far below where a multiplier overflows."""


def refuse_foreign_sites(network: Network, recipe: Recipe) -> None:
    """Check that sites are activations of this network, with all channels of each, or readers that it has.

    Raises:
        UsageError: names the first that is not.
    """
    channels = {value.name: value.channels for value in network.values() if not value.is_constant}
    gates = [("gates", gate.site, len(gate.steps)) for gate in recipe.gates]
    groups = [("groups", each.layer, len(each.of)) for each in recipe.groups]
    detours = [("detours", detour.site, channels.get(detour.site, 0)) for detour in recipe.detours]
    for table, name, told in detours + gates + groups:
        if name not in channels:
            close = did_you_mean(name, channels)
            raise UsageError(
                f"the recipe's {table} name {name!r}, which is not an activation of this network{close}",
                id="recipe-misfit",
            )
        if told != channels[name]:
            raise UsageError(
                f"the recipe's {table} hold {told} numbers for {name!r}, which has {channels[name]} channels",
                id="recipe-misfit",
            )
    readers = {value.name: len(nodes) for value, nodes in network.consumers().items()}
    for detour in recipe.detours:
        count = readers.get(detour.site, 0)
        if not detour.readers or list(detour.readers) != sorted({*detour.readers} & {*range(count)}):
            raise UsageError(
                f"the recipe's detours name the readers {list(detour.readers)} of {detour.site!r}, which has {count}:"
                " they are counted from 0, in rising order, each once",
                id="recipe-misfit",
            )


def refuse_undefined(network: Network, observed: Mapping[str, Range], names: SourceNames = UNKNOWN) -> None:
    """Check that roots and logarithms see no negative values on the samples.

    Raises:
        UnsupportedModelError: lists all that do: their integer kernels, and the integer form of a division, need
            values above zero.
    """
    refused = {}
    for node in network.nodes:
        values = observed.get(node.input(0).name) if node.inputs and node.inputs[0] is not None else None
        if values is not None and not values.low >= node.meaning.domain.low:
            refused[node] = f"reads values down to {values.low:.3g}, for which it has no result"
    _refuse(network, _Refused(refused, id="operator-values-undefined"), names)


def refuse_too_wide(network: Network, chosen: Mapping[Value, Range], names: SourceNames = UNKNOWN) -> None:
    """Check that scales are numbers that kernels can multiply with: LiteRT ends at some that are not.

    Args:
        network: float.
        chosen: what the scale of each activation and constant must hold.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists the nodes that make such values.
    """
    made = {node: chosen[node.output] for node in network.nodes if node.output in chosen}
    wide = {node: values for node, values in made.items() if values.width > _HUGE}
    told = "gives values from {0.low:.3g} to {0.high:.3g}, a range too wide for 8 bits"
    reasons = {node: told.format(values) for node, values in wide.items()}
    _refuse(network, _Refused(reasons, id="operator-range-too-wide"), names)


def refuse_coarse(network: Network, plan: ActivationPlan, names: SourceNames = UNKNOWN) -> None:
    """Check that comparisons read scales that their kernel knows: beyond, it gives wrong answers, or none.

    Args:
        network: float.
        plan: of its activations: a scale may be coarser than the values in it ask for.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists the comparisons whose are not.
    """
    refused = {}
    for node in network.nodes:
        scales = [plan.read_as(node, index).scale for index, _ in node.data_inputs]
        if scales and max(scales) >= node.meaning.scale_limit:
            limit = node.meaning.scale_limit
            refused[node] = f"compares values in steps of {max(scales):.3g}, and its kernel needs steps below {limit:g}"
    _refuse(network, _Refused(refused, id="operator-steps-too-coarse"), names)


def refuse(network: Network, refused: Mapping[Node, str], names: SourceNames) -> None:
    """Raise, where there is anything that has no integer form.

    Args:
        network: float.
        refused: nodes, and why.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists all.
    """
    _refuse(network, _Refused(refused, id="operator-no-integer-form"), names)


@dataclass(frozen=True, slots=True)
class _Refused:
    """Nodes that are refused for one cause.

    Attributes:
        reasons: what is wrong with each.
        id: of the error.
    """

    reasons: Mapping[Node, str]
    id: str


def _refuse(network: Network, refused: _Refused, names: SourceNames) -> None:
    if not refused.reasons:
        return
    known = names_of(network, names)
    nodes = refused.reasons.items()
    found = list(dict.fromkeys(f"{node.kind} ({known[node].title!r}) {reason}" for node, reason in nodes))
    counted = "1 operator has" if len(found) == 1 else f"{len(found)} operators have"
    told = f"{counted} no integer form: {listed(found, _SHOWN, '; ')}"
    raise UnsupportedModelError(told, found, _source_values(network, refused.reasons, names), id=refused.id)


def _source_values(network: Network, refused: Iterable[Node], names: SourceNames) -> Iterable[str]:
    """What the source's nodes make that the refused ones stand for.

    Of several that one of the source became, only the last may be known to be of it.
    """
    readers = network.consumers()
    found: dict[str, None] = {}
    seen = dict.fromkeys(refused)
    waiting = list(seen)
    for node in waiting:
        values = [name for value in node.outputs for name in value.source_names]
        if node.source_name or values:
            found |= dict.fromkeys(names.values_of(node.source_name, values))
            continue
        fresh = [reader for value in node.outputs for reader in readers.get(value, ()) if reader not in seen]
        seen |= dict.fromkeys(fresh)
        waiting += fresh
    return found
