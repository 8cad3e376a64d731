"""Layers in a captured module: the operators that multiply by weights, and how their weights lie in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import torch

    from dlpuconv.network import Layer

    type Array = npt.NDArray[Any]


def constants_of(node: torch.fx.Node) -> list[torch.fx.Node]:
    """The parameters and buffers that a node reads."""
    return [each for each in node.all_input_nodes if each.op == "get_attr"]


def tensor_of(model: torch.fx.GraphModule, node: torch.fx.Node) -> torch.Tensor:
    """The parameter or buffer that a `get_attr` node stands for."""
    where, _, name = str(node.target).rpartition(".")
    found: torch.Tensor = getattr(model.get_submodule(where), name)
    return found


def parameter_beside(
    constant: torch.fx.Node, name: str, values: torch.Tensor, model: torch.fx.GraphModule, layer: torch.fx.Node
) -> torch.fx.Node:
    """A new parameter in the part of the module that holds a constant, to be read by a layer.

    It takes the place of a parameter of this name that only the layer reads, and otherwise bears the layer's name too.
    """
    import torch

    path = str(constant.target).rpartition(".")[0]
    inside = f"{path}." if path else ""
    old = model.graph.find_nodes(op="get_attr", target=f"{inside}{name}")
    if any(set(each.users) - {layer} for each in old):
        name = f"{layer.name}_{name}"
    setattr(model.get_submodule(path), name, torch.nn.Parameter(values, tensor_of(model, constant).requires_grad))
    with model.graph.inserting_before(layer):
        return model.graph.get_attr(f"{inside}{name}")


def weight_of(node: torch.fx.Node) -> torch.fx.Node:
    """The weights of a layer.

    Raises:
        LookupError: the node has none.
    """
    for each in constants_of(node):
        if each.meta["val"].dim() > 1:
            return each
    raise LookupError(f"{node.name} has no weights")


def bias_of(node: torch.fx.Node) -> torch.fx.Node | None:
    """The bias of a layer, where it has one."""
    return next((each for each in constants_of(node) if each.meta["val"].dim() == 1), None)


def layouts(layer: Layer, weights: Array, channels: int) -> Iterator[tuple[Array, int]]:
    """How a layer's weights may lie in torch.

    Args:
        layer: of the file's float network.
        weights: [O, taps..., I] of it, or other ones in the same layout.
        channels: of what it reads.

    Yields:
        The weights in a layout, and the axis of the output channels there.
    """
    rows = len(weights)
    yield np.moveaxis(weights, -1, 1), 0  # convolutions
    yield np.moveaxis(weights, -1, 0), 1  # transposed ones, and products with a matrix
    if layer.geometry is None and weights.ndim == 2 and weights.shape[1] % channels == 0:  # behind a flattened picture
        yield weights.reshape(rows, -1, channels).swapaxes(1, 2).reshape(rows, -1), 0
