"""Detours of a recipe as layers of a captured module: the rest of the recipe takes them for the network's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.qat.depthwise import insert_depthwise, is_map

if TYPE_CHECKING:
    import torch

    from dlpuconv.network import Node
    from dlpuconv.qat.start import Start


def insert_detours(model: torch.fx.GraphModule, start: Start) -> tuple[str, ...]:
    """Put a depthwise layer of weights 1 in front of the readers of each of the recipe's detours.

    Args:
        model: captured; it is changed.
        start: what it was captured for.

    Returns:
        A sentence for each detour that the module has no place for.
    """
    network = start.network
    nodes = {node.name: node for node in model.graph.nodes}
    known = {value.name: value for value in network.values()}
    readers = network.consumers()
    told = []
    for detour in start.detours:
        site = known[detour.site]
        at = [nodes[name] for name in (site.name, *site.source_names) if name in nodes]
        made = [_names(node, start) for node in readers[site]]
        through = set().union(*(made[place] for place in detour.readers))
        taken = [user for user in at[-1].users if _serves(user, through, set().union(*made) - through)] if at else []
        if taken and is_map(at[-1], site):
            layer = insert_depthwise(model, at[-1], f"{at[-1].name}_detour", 1.0, 0.0, min(taken))
            for reader in taken:
                reader.replace_input_with(at[-1], layer)
        else:
            told.append(f"the detour of {detour.site!r} is left out: the module has no place for it")
    return tuple(told)


def _names(node: Node, start: Start) -> set[str]:
    """What the values that a node of the file makes are called in the module."""
    named = {name for value in node.outputs for name in (value.name, *value.source_names)}
    return named | {start.values.get(node.source_name, "")}


def _serves(user: torch.fx.Node, through: set[str], stay: set[str]) -> bool:
    """Whether a reader of the activation is of what one of the file's operators that take the detour makes."""
    seen, waiting = set(), [user]
    while waiting:
        node = waiting.pop()
        if node.name in through:
            return True
        if node not in seen and node.name not in stay:
            seen.add(node)
            waiting += node.users
    return False
