"""Groups of a recipe in a captured module: a layer whose output channels are made by several, joined behind them.

As in the file, channels come in the order of their groups, which the neighbours' weights take up, and depthwise layers
right behind, with the curves between, are cut along with the layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.network import CannotError
from dlpuconv.qat.equivalents import apply_edit
from dlpuconv.qat.folding import LAYERS
from dlpuconv.qat.layers import bias_of, constants_of, tensor_of, weight_of
from dlpuconv.quantization.techniques.groups import chains_of
from dlpuconv.quantization.techniques.orders import reordered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.network import Node
    from dlpuconv.qat.start import Start

_ATEN = torch.ops.aten
_CONVOLUTION: Final = _ATEN.conv2d.default
_GROUPS: Final = 6
"""Place of the groups among a convolution's arguments."""
_USUAL: Final = ([1, 1], [0, 0], [1, 1])
"""Stride, padding and dilation, which stand in front of them and may be left out."""


def insert_groups(model: torch.fx.GraphModule, start: Start) -> tuple[str, ...]:
    """Cut the layers of a module that the recipe's groups name: all of them, or none.

    Args:
        model: captured; it is changed.
        start: what it was captured for.

    Returns:
        A sentence where they are left out.
    """
    if not start.groups:
        return ()
    try:
        chains, orders = chains_of(start.network, start.groups)
        paths = [_path(chain, start, model) for chain in chains]
        apply_edit(start.network, reordered(start.network, orders), start.values, model)
    except (CannotError, UnsupportedModelError) as refusal:
        return (f"the groups of the recipe are left out: {refusal}",)
    for each, path in zip(start.groups, paths, strict=True):
        _cut(model, path, np.unique(each.of, return_counts=True)[1].tolist())
    return ()


def _path(chain: Sequence[Node], start: Start, model: torch.fx.GraphModule) -> list[torch.fx.Node]:
    """The module's nodes that do what a chain does, each but the last read by the next one alone.

    Raises:
        UnsupportedModelError: it has no such nodes.
    """
    nodes: Mapping[str, torch.fx.Node] = {node.name: node for node in model.graph.nodes}
    last = chain[-1].output
    first = nodes.get(start.values.get(chain[0].source_name, ""))
    ends = [nodes[name] for name in (last.name, *last.source_names) if name in nodes]
    if first is None or not ends or not _is_convolution(first, 1):
        raise UnsupportedModelError(
            f"the module has no convolution like {chain[0].output.name!r}", id="recipe-not-in-module"
        )
    path = [first]
    while path[-1] is not ends[-1]:
        users = list(path[-1].users)
        if len(users) != 1 or not _keeps_channels(users[0], first.meta["val"].shape[1]):
            raise UnsupportedModelError(
                f"more than the file's layers read {path[-1].name!r} in the module", id="recipe-not-in-module"
            )
        path.append(users[0])
    return path


def _is_convolution(node: torch.fx.Node, groups: int) -> bool:
    fits = node.target is _CONVOLUTION and [node.args[_GROUPS] if len(node.args) > _GROUPS else 1] == [groups]
    return fits and all(each.op == "get_attr" for each in node.args[1:3])


def _keeps_channels(node: torch.fx.Node, channels: int) -> bool:
    """Whether the node keeps channels apart: a depthwise layer, or a function of single values."""
    if node.target in LAYERS:
        return _is_convolution(node, channels) and node.meta["val"].shape[1] == channels
    return node.op == "call_function" and len(node.all_input_nodes) == 1


def _cut(model: torch.fx.GraphModule, path: Sequence[torch.fx.Node], sizes: Sequence[int]) -> None:
    """Make the channels of a path by several, one behind the other."""
    ends = np.cumsum(sizes).tolist()
    with model.graph.inserting_before(path[-1].next):
        parts = [_part(model, path, slice(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
        whole = model.graph.call_function(_ATEN.cat.default, (parts, 1))
    whole.meta = dict(path[-1].meta)
    path[-1].replace_all_uses_with(whole)
    model.graph.eliminate_dead_code()


def _part(model: torch.fx.GraphModule, path: Sequence[torch.fx.Node], channels: slice) -> torch.fx.Node:
    """Some channels of a path."""
    at = path[0].all_input_nodes[0]
    before = at
    for node in path:
        if not constants_of(node):
            made = model.graph.call_function(
                node.target, tuple(at if each is before else each for each in node.args), node.kwargs
            )
        else:
            groups = 1 if node is path[0] else channels.stop - channels.start
            constants = [_some(model, node, each, channels) for each in (weight_of(node), bias_of(node)) if each]
            settings = (*node.args[3:_GROUPS], *_USUAL[len(node.args[3:_GROUPS]) :])
            made = model.graph.call_function(node.target, (at, *constants, *settings, groups))
        made.meta = dict(node.meta)
        at, before = made, node
    return at


def _some(model: torch.fx.GraphModule, layer: torch.fx.Node, constant: torch.fx.Node, channels: slice) -> torch.fx.Node:
    """Some rows of a layer's constant, as a parameter of their own."""
    whole = tensor_of(model, constant)
    values = whole.detach()[channels].clone()
    kind = "bias" if values.dim() == 1 else "weight"
    name = f"{layer.name}_{channels.start}_{kind}"
    model.register_parameter(name, torch.nn.Parameter(values, whole.requires_grad))
    found: torch.fx.Node = model.graph.get_attr(name)
    return found
