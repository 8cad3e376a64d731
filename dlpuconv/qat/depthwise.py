"""Depthwise layers of weights that are all the same, which a recipe puts into a captured module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from dlpuconv.network import Value

_RANK = 4
"""Axes of a map of features: [N, C, H, W]."""


def is_map(node: torch.fx.Node, value: Value) -> bool:
    """Whether a node makes a map of features whose channels, those of the file's value, stand where they usually do."""
    shape = node.meta["val"].shape
    return len(shape) == _RANK and int(shape[1]) == value.channels


def insert_depthwise(
    model: torch.fx.GraphModule, x: torch.fx.Node, name: str, factor: float, summand: float, before: torch.fx.Node
) -> torch.fx.Node:
    """Make a layer that multiplies every value of a map of features by one number and adds another one.

    Args:
        model: captured; it is changed.
        x: makes the map; who reads the layer is left to the caller.
        name: what the names of the layer's parameters begin with.
        factor: every weight.
        summand: every bias.
        before: the node that the layer is put in front of.
    """
    like = x.meta["val"]
    channels = int(like.shape[1])
    made = {
        f"{name}_weight": torch.full((channels, 1, 1, 1), factor, device=like.device),
        f"{name}_bias": torch.full((channels,), summand, device=like.device),
    }
    for parameter, values in made.items():
        model.register_parameter(parameter, torch.nn.Parameter(values))
    with model.graph.inserting_before(before):
        constants = [model.graph.get_attr(parameter) for parameter in made]
        layer: torch.fx.Node = model.graph.call_function(
            torch.ops.aten.conv2d.default, (x, *constants, [1, 1], [0, 0], [1, 1], channels)
        )
    return layer
