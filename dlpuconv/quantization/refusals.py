"""Nodes that cannot be quantized are refused together, with their ONNX names and where to cut them off."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.language.brief import listed
from dlpuconv.quantization.naming import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Network, Node, Range, Value
    from dlpuconv.quantization.scales.plan import ActivationPlan

_SHOWN = 12
_HUGE = 1e20
"""Far beyond what a trained network computes with, and far below where a multiplier overflows."""


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
            refused[node] = f"reads values down to {values.low:.3g}, of which it has no result"
    refuse(network, refused, names)


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
    told = "gives values from {0.low:.3g} to {0.high:.3g}, beside which 8 bits hold no others"
    refuse(network, {node: told.format(values) for node, values in wide.items()}, names)


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
    refuse(network, refused, names)


def refuse(network: Network, refused: Mapping[Node, str], names: SourceNames) -> None:
    """Raise, where there is anything to refuse.

    Args:
        network: float.
        refused: nodes, and why.
        names: what the source model calls its nodes.

    Raises:
        UnsupportedModelError: lists all, with a way out.
    """
    if not refused:
        return
    known = names_of(network, names)
    found = [f"{node.kind} ({known[node].title!r}) {reason}" for node, reason in refused.items()]
    cut = ",".join(_cut_points(network, refused))
    if cut:
        way_out = f": end the graph in front of them with --cut-at {quote(cut)} and compute the rest on the CPU"
    else:
        way_out = "; no computed value stands in front of them: export the network from behind them, with float inputs"
    shown = listed(found, _SHOWN, "; ")
    raise UnsupportedModelError(f"{len(found)} operator(s) have no integer form: {shown}{way_out}", found)


def _cut_points(network: Network, refused: Mapping[Node, str]) -> list[str]:
    """ONNX values at which a network ends that holds no refused node, and none that depends on one."""
    sources = {node.source_name for node in refused if node.source_name}  # one may have become several nodes
    given = {_name(value) for value in network.inputs}
    tainted: set[Value] = set()
    points: dict[str, None] = {}
    for node in network.nodes:
        inputs = [v for v in node.inputs if v is not None]
        if node not in refused and node.source_name not in sources and not any(v in tainted for v in inputs):
            continue
        tainted.update(node.outputs)
        ends = [v for v in inputs if v.is_data and not v.is_constant and v not in tainted]
        points.update(dict.fromkeys(_name(v) for v in ends if _name(v) not in given))  # in another layout, too
    clean = [v for v in network.outputs if v not in tainted and not v.is_constant]
    points.update(dict.fromkeys(map(_name, clean)))
    return [name for name in points if name]


def _name(value: Value) -> str:
    return value.source_names[0] if value.source_names else value.name
