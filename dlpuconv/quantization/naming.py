"""What the nodes of a network may be called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.ir.layer_names import LayerNames, tell_apart

if TYPE_CHECKING:
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.network import Network, Node


def names_of(network: Network, source: SourceNames) -> dict[Node, LayerNames]:
    """The names of each node of a float network, or of the integer one that is made of it.

    Args:
        network: names of its activations are unique.
        source: what the source model calls its nodes.
    """
    found = [_names(node, source) for node in network.nodes]
    return dict(zip(network.nodes, tell_apart(found), strict=True))


def _names(node: Node, source: SourceNames) -> LayerNames:
    if node.meaning.rescales and not node.source_name:  # added between two scales: nothing of the source stands for it
        return LayerNames(tensor=node.output.name)
    names = source.layer(node.output.name, node.source_name, node.output.source_names)
    return replace(names, values=(*names.values, *node.aliases)) if node.aliases else names
