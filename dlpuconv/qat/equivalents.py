"""Layers of the file that a captured module has too, and the weights that a recipe gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.qat.layers import bias_of, layouts, tensor_of, weight_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.network import Network, Node
    from dlpuconv.qat.start import Start

    type Array = npt.NDArray[Any]

_SAME = 1e-4
"""Of the largest weight: how far folding in another order may move weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """A module's form of a layer.

    Attributes:
        node: multiplies by the weights.
        axis: of the output channels in its weights.
        weights: as the recipe has them, in the module's layout.
        bias: [O] likewise, or None.
    """

    node: torch.fx.Node
    axis: int
    weights: Array
    bias: Array | None


def apply_weights(start: Start, model: torch.fx.GraphModule) -> dict[Node, Equivalent]:
    """Give a module the weights and biases of the recipe's network.

    Args:
        start: the float network, and what the recipe makes of it.
        model: captured; it has the float network's weights.

    Returns:
        The layers of the recipe's network that the module has.

    Raises:
        UnsupportedModelError: the recipe changed what the module has nowhere; nothing is changed then.
    """
    nodes = {node.name: node for node in model.graph.nodes}
    found = {}
    for before, after in _pairs(start.network, start.quantized.network):
        node = nodes.get(start.values.get(before.source_name, ""))
        same = None if node is None or before.layer is None else _equivalent(before, after, node, model)
        if same is not None:
            found[after] = same
        elif not _alike(before, after):
            raise UnsupportedModelError(f"it changes {after.kind} {after.source_name!r}, which the module has not")
    for same in found.values():
        _assign(model, weight_of(same.node), same.weights)
        bias = bias_of(same.node)
        if bias is not None and same.bias is not None:
            _assign(model, bias, same.bias)
    return found


def _pairs(before: Network, after: Network) -> list[tuple[Node, Node]]:
    """A recipe that keeps the function changes constants alone, so that nodes stand where they stood.

    Raises:
        UnsupportedModelError: it changed more.
    """
    if [node.kind for node in before.nodes] != [node.kind for node in after.nodes]:
        raise UnsupportedModelError("it adds or removes layers")
    return list(zip(before.nodes, after.nodes, strict=True))


def _alike(before: Node, after: Node) -> bool:
    """Whether the constants of two nodes are the same."""
    pairs = [
        (b.data, a.data) for b, a in zip(before.inputs, after.inputs, strict=True) if b is not None and a is not None
    ]
    return all(b is a or (b is not None and a is not None and np.array_equal(b, a)) for b, a in pairs)


def _equivalent(before: Node, after: Node, node: torch.fx.Node, model: torch.fx.GraphModule) -> Equivalent | None:
    assert before.layer is not None
    assert after.layer is not None
    if before.layer.weights is None or after.layer.weights is None:
        return None
    try:
        own = tensor_of(model, weight_of(node)).detach().cpu().numpy()
    except LookupError:
        return None
    channels = before.input(before.layer.data).channels
    made = layouts(after.layer, after.layer.weights, channels)
    for (known, axis), (wanted, _) in zip(layouts(before.layer, before.layer.weights, channels), made, strict=True):
        if known.shape == own.shape and np.allclose(known, own, rtol=0, atol=_SAME * max(np.abs(own).max(), 1e-30)):
            bias = after.layer.bias if bias_of(node) is not None else None
            return Equivalent(node=node, axis=axis, weights=wanted, bias=bias)
    return None


def _assign(model: torch.fx.GraphModule, node: torch.fx.Node, values: Array) -> None:
    with torch.no_grad():
        tensor_of(model, node).copy_(torch.from_numpy(np.array(values, np.float32)))
