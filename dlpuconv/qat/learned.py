"""What a recipe has learned of rounding and biases, as parameters of a module: where distillation goes on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dlpuconv.qat.layers import bias_of, tensor_of, weight_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.network import Node
    from dlpuconv.qat.equivalents import Equivalent
    from dlpuconv.quantization.weights.layer import LayerWeights

    type Array = npt.NDArray[Any]

_WITHIN = 0.45
"""Of a step, from a code: values beyond that, which are half a step away at most, could round to the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """Of a parameter.

    Attributes:
        before: its values as `prepare` left them.
        after: those nearest to them that the file's learned integers come from.
    """

    before: torch.Tensor
    after: torch.Tensor


def rounding_to(layer: LayerWeights, weights: Array) -> Array:
    """The values nearest to the float ones that round to a layer's codes.

    Args:
        layer: its integers.
        weights: [O, taps..., I] float ones.
    """
    middle = layer.affine.decode(layer.weights)
    reach = _WITHIN * np.asarray(layer.affine.scales).reshape(-1, *[1] * (weights.ndim - 1))
    return np.clip(weights, middle - reach, middle + reach).astype(np.float32)


def corrected(layer: LayerWeights) -> Array | None:
    """[O] what the codes of a layer's bias stand for."""
    return None if layer.bias is None or layer.bias_affine is None else layer.bias_affine.decode(layer.bias)


def learned_of(equivalents: Mapping[Node, Equivalent], model: torch.fx.GraphModule) -> dict[str, Learned]:
    """By the name of the parameter; those that several layers read are left as they are.

    Args:
        equivalents: see `apply_weights`, which was called.
        model: captured.
    """
    found: dict[str, Learned] = {}
    readers: dict[str, int] = {}
    for same in equivalents.values():
        for constant, values in ((weight_of(same.node), same.learned), (bias_of(same.node), same.corrected)):
            if constant is not None and values is not None:
                name, own = str(constant.target), tensor_of(model, constant).detach()
                after = torch.from_numpy(np.array(values, np.float32)).expand_as(own)
                found[name] = Learned(before=own.clone(), after=after.clone())
                readers[name] = readers.get(name, 0) + 1
    return {name: each for name, each in found.items() if readers[name] == 1}


@torch.no_grad()  # type: ignore[untyped-decorator] # torch is not followed
def take_over(learned: Mapping[str, Learned], model: torch.nn.Module) -> None:
    """Give a module what was learned; parameters that were trained since they were prepared keep their values."""
    for name, values in model.named_parameters():
        each = learned.get(name)
        if each is not None and torch.equal(values.cpu(), each.before):
            values.copy_(each.after)
