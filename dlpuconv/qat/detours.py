"""Detours of a recipe as layers of a captured module: the rest of the recipe takes them for the network's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.network import Node
    from dlpuconv.qat.start import Start

_RANK = 4
"""Axes of the activations that have detours: [N, C, H, W]."""


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
        if taken and at[-1].meta["val"].dim() == _RANK:
            _insert(model, at[-1], taken)
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


def _insert(model: torch.fx.GraphModule, site: torch.fx.Node, readers: Sequence[torch.fx.Node]) -> None:
    like = site.meta["val"]
    channels = int(like.shape[1])
    made = {
        f"{site.name}_detour_weight": torch.ones(channels, 1, 1, 1, device=like.device),
        f"{site.name}_detour_bias": torch.zeros(channels, device=like.device),
    }
    for name, values in made.items():
        model.register_parameter(name, torch.nn.Parameter(values))
    with model.graph.inserting_before(min(readers)):
        constants = [model.graph.get_attr(name) for name in made]
        layer = model.graph.call_function(
            torch.ops.aten.conv2d.default, (site, *constants, [1, 1], [0, 0], [1, 1], channels)
        )
    for reader in readers:
        reader.replace_input_with(site, layer)
