"""Layers of the file that a captured module has too, and the weights that a recipe gives them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.qat.layers import bias_of, layouts, parameter_beside, tensor_of, weight_of
from dlpuconv.qat.learned import corrected, rounding_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Layer, Network, Node
    from dlpuconv.qat.start import Start
    from dlpuconv.quantization.quantize import Quantized

    type Array = npt.NDArray[Any]

_SAME = 1e-4
"""Of the largest one: how far folding in another order may move weights and biases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """A module's form of a layer.

    Attributes:
        node: multiplies by the weights.
        axis: of the output channels in its weights.
        place: of its layout among those that `layouts` yields.
        weights: as the recipe has them, in the module's layout; None where it leaves them.
        bias: [O] likewise.
        learned: the values nearest to the weights that round to the file's codes, in the module's layout; None where no
            file is known.
        corrected: [O] what the codes of the file's bias stand for; None where it has none, or is not known.
    """

    node: torch.fx.Node
    axis: int
    place: int
    weights: Array | None
    bias: Array | None
    learned: Array | None = None
    corrected: Array | None = None


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
    found = _matched(start.network, start.quantized.network, start.values, model)
    found = {node: _with_learned(same, node, start.quantized) for node, same in found.items()}
    _assign_all(found, model)
    return found


def apply_edit(before: Network, after: Network, values: Mapping[str, str], model: torch.fx.GraphModule) -> None:
    """Give a module the weights and biases of an edited network.

    Args:
        before: float; the module has its weights.
        after: the same nodes with other constants.
        values: see `Start.values`.
        model: captured.

    Raises:
        UnsupportedModelError: see `apply_weights`.
    """
    _assign_all(_matched(before, after, values, model), model)


def _matched(
    before: Network, after: Network, values: Mapping[str, str], model: torch.fx.GraphModule
) -> dict[Node, Equivalent]:
    """The layers of the network after an edit that the module has."""
    nodes = {node.name: node for node in model.graph.nodes}
    found = {}
    for was, now in _pairs(before, after):
        node = nodes.get(values.get(was.source_name, ""))
        same = None if node is None or was.layer is None else _equivalent(was, now, node, model)
        if same is not None:
            found[now] = same
        elif not _alike(was, now):
            raise UnsupportedModelError(
                f"it changes {now.kind} {now.source_name!r}, which the module does not have",
                id="recipe-not-in-module",
            )
    return found


def _assign_all(found: Mapping[Node, Equivalent], model: torch.fx.GraphModule) -> None:
    for same in found.values():
        for constant, values in ((weight_of(same.node), same.weights), (bias_of(same.node), same.bias)):
            if constant is not None and values is not None:
                _assign(model, same.node, constant, values)
    model.graph.eliminate_dead_code()
    model.recompile()


def _pairs(before: Network, after: Network) -> list[tuple[Node, Node]]:
    """A recipe that keeps the function changes constants alone, so that nodes stand where they stood.

    Raises:
        UnsupportedModelError: it changed more.
    """
    if [node.kind for node in before.nodes] != [node.kind for node in after.nodes]:
        raise UnsupportedModelError("it adds or removes layers", id="recipe-not-in-module")
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
    held = bias_of(node)
    own_bias = 0.0 if held is None else tensor_of(model, held).detach().cpu().numpy()
    bias_stays = np.array_equal(_bias(before.layer), _bias(after.layer))
    if not _close(own_bias, _bias(before.layer)) or not (bias_stays or held):
        return None
    weights_stay = np.array_equal(before.layer.weights, after.layer.weights)
    for place, (known, axis) in enumerate(_layouts(before, before.layer.weights)):
        if known.shape == own.shape and _close(own, known):
            return Equivalent(
                node=node,
                axis=axis,
                place=place,
                weights=None if weights_stay else _layouts(before, after.layer.weights)[place][0],
                bias=None if bias_stays else _bias(after.layer),
            )
    return None


def _with_learned(same: Equivalent, node: Node, quantized: Quantized) -> Equivalent:
    """The equivalent with the rounding and biases that the recipe learned for its layer."""
    assert node.layer is not None
    assert node.layer.weights is not None
    integers = quantized.layers[node]
    learned = _layouts(node, rounding_to(integers, node.layer.weights))[same.place][0]
    return replace(same, learned=learned, corrected=corrected(integers))


def _layouts(node: Node, weights: Array) -> list[tuple[Array, int]]:
    assert node.layer is not None
    return list(layouts(node.layer, weights, node.input(node.layer.data).channels))


def _bias(layer: Layer) -> Array:
    return np.zeros(1, np.float32) if layer.bias is None else layer.bias


def _close(own: Array | float, known: Array) -> bool:
    """Whether they are the same numbers, of which one stands for all; a layer spelled as another may have more."""
    fits = len({np.size(own), known.size} - {1}) <= 1
    return fits and np.allclose(known, own, rtol=0, atol=_SAME * max(np.abs(known).max(), 1e-30))


def _assign(model: torch.fx.GraphModule, layer: torch.fx.Node, constant: torch.fx.Node, values: Array) -> None:
    """Give a layer a constant's new values; others that read the constant keep the old ones."""
    name = str(constant.target).rpartition(".")[2]
    own = parameter_beside(constant, name, torch.from_numpy(np.array(values, np.float32)), model, layer)
    own.meta = dict(constant.meta)
    layer.replace_input_with(constant, own)
