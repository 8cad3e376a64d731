"""Layers of a captured module as the target's file has them: with a bias, and with the batch norm behind them.

torchao has functions for folding, which fold one layer's norm into weights that another layer reads too, into a layer
whose output something else reads, and wrongly into transposed convolutions with groups.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from dlpuconv.qat.layers import parameter_beside, tensor_of

if TYPE_CHECKING:
    type Tensor = Any

_ATEN = torch.ops.aten
_TRANSPOSED: Final = (_ATEN.conv_transpose1d.default, _ATEN.conv_transpose2d.input, _ATEN.conv_transpose3d.input)
_CONVOLUTIONS: Final = (
    *(_ATEN.conv1d.default, _ATEN.conv2d.default, _ATEN.conv3d.default),
    *(_ATEN.conv1d.padding, _ATEN.conv2d.padding, _ATEN.conv3d.padding),
)
_DENSE: Final = _ATEN.linear.default
LAYERS: Final = (*_CONVOLUTIONS, *_TRANSPOSED, _DENSE)
"""What multiplies by weights."""
_GROUPS = 6
"""Place of the groups among the arguments of the operators for convolutions."""


def fold_batch_norms(model: torch.fx.GraphModule) -> None:
    """Fold each norm whose layer has no other reader; layers keep sharing weights where they share the norm too.

    Args:
        model: of torch.export, in evaluation mode. It gets new parameters; no tensor is written into.
    """
    folded: dict[tuple[Any, ...], tuple[torch.fx.Node, ...]] = {}
    for norm in model.graph.find_nodes(op="call_function", target=_ATEN.batch_norm.default):
        layer = norm.args[0]
        if _folds(layer, norm):
            key = (layer.target, *layer.args[1:3], _groups(layer), *norm.args[1:])
            if key not in folded:
                folded[key] = _fold(model, layer, norm)
            layer.args = (layer.args[0], *folded[key], *layer.args[3:])
            norm.replace_all_uses_with(layer)
            model.graph.erase_node(norm)
    model.graph.eliminate_dead_code()
    model.recompile()


def give_biases(model: torch.fx.GraphModule) -> None:
    """Give layers without a bias one of zeros: the file has one, and a recipe may move it."""
    for layer in list(model.graph.nodes):
        if layer.target in LAYERS and layer.args[1].op == "get_attr" and layer.args[2:3] in ((), (None,)):
            weight = layer.args[1]
            zeros = tensor_of(model, weight).new_zeros(layer.meta["val"].shape[1 if layer.target is not _DENSE else -1])
            own = parameter_beside(weight, "bias", zeros, model, layer)
            layer.args = (*layer.args[:2], own, *layer.args[3:])
    model.recompile()


def _folds(layer: torch.fx.Node, norm: torch.fx.Node) -> bool:
    """Whether the layer serves the norm alone, and multiplies the channels that the norm does."""
    # A norm is along the second axis, a dense layer along the last.
    fits = layer.target in LAYERS and (layer.target is not _DENSE or layer.meta["val"].dim() == 2)
    if not fits or set(layer.users) != {norm}:
        return False
    constants = (*layer.args[1:3], *norm.args[1:5])
    has_statistics = None not in norm.args[3:5] and norm.args[5] is False
    return has_statistics and all(each is None or each.op == "get_attr" for each in constants)


def _fold(model: torch.fx.GraphModule, layer: torch.fx.Node, norm: torch.fx.Node) -> tuple[torch.fx.Node, ...]:
    """A layer's new weights and its new bias."""
    (weight, bias), of_norm = (*layer.args[1:3], None)[:2], norm.args[1:5]
    gamma, beta, mean, variance = (None if each is None else tensor_of(model, each).detach() for each in of_norm)
    slope = (variance + norm.args[7]).rsqrt() * (1 if gamma is None else gamma)
    shift = (0 if beta is None else beta) - mean * slope
    if bias is not None:
        shift = shift + tensor_of(model, bias).detach() * slope
    weights = tensor_of(model, weight).detach()
    made = {str(weight.target).rpartition(".")[2]: weights * _by_output(slope, layer, weights), "bias": shift}
    return tuple(parameter_beside(weight, name, values, model, layer) for name, values in made.items())


def _by_output(slope: Tensor, layer: torch.fx.Node, weights: Tensor) -> Tensor:
    """A number for each output channel, as it multiplies weights: [O, I / groups, ...], or [I, O / groups, ...]."""
    taps = [1] * (weights.dim() - 2)
    if layer.target not in _TRANSPOSED:
        return slope.reshape(-1, 1, *taps)
    groups = _groups(layer)
    per_group = slope.reshape(groups, 1, -1).expand(groups, len(weights) // groups, -1)
    return per_group.reshape(len(weights), -1, *taps)


def _groups(layer: torch.fx.Node) -> Any:
    return layer.args[_GROUPS] if len(layer.args) > _GROUPS else 1
