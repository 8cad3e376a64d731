"""What nodes compute, in torch, channels last: [N, ..., C] for N samples at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dlpuconv.network import Curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.network import Activation, Geometry, Layer, Meaning, Node

    type Tensor = Any


def is_known(node: Node) -> bool:
    """Whether these functions compute a node, with a gradient, for several samples at once."""
    if any(not v.shape or v.shape[0] != 1 for v in (*node.activations, *node.outputs)):
        return False
    if node.layer is not None:
        return node.layer.weights is not None and node.layer.activation.is_homogeneous
    return len(node.outputs) == 1 and node.meaning.fused.is_homogeneous and _is_told(node.meaning)


def _is_told(meaning: Meaning) -> bool:
    """Whether the meaning fully describes a node without weights."""
    if meaning.knows_channels:  # then constants are not where channels are last
        return False
    one = meaning.curve is not None or meaning.joins is not None or meaning.clamp is not None
    return one or meaning.product or bool(meaning.signs or meaning.padding)


def computed(node: Node, read: Sequence[Tensor]) -> Tensor:
    """What a node without weights makes of its data inputs.

    Args:
        node: one that is known.
        read: real values of the data inputs, constants too.
    """
    import torch
    from torch.nn import functional

    meaning = node.meaning
    if meaning.curve is Curve.SIGMOID:
        made = torch.sigmoid(read[0])
    elif meaning.curve is Curve.HARD_SWISH:
        made = functional.hardswish(read[0])
    elif meaning.curve is Curve.PRELU:
        made = torch.where(read[0] < 0, read[0] * read[1], read[0])
    elif meaning.joins is not None:
        made = torch.cat(tuple(read), meaning.joins)
    elif meaning.padding:
        made = functional.pad(read[0], [count for pair in reversed(meaning.padding) for count in pair])
    elif meaning.clamp is not None:
        made = read[0].clamp(meaning.clamp.low, meaning.clamp.high)
    elif meaning.product:
        made = read[0] * read[1]
    else:
        made = sum(sign * values for sign, values in zip(meaning.signs, read, strict=True))
    return activated(made, meaning.fused)


def activated(values: Tensor, activation: Activation) -> Tensor:
    """Values behind a homogeneous activation."""
    low = 0.0 if activation.rectifies else -math.inf if activation.clip is None else -activation.clip
    return values.clamp(low, math.inf if activation.clip is None else activation.clip)


def layer_sums(layer: Layer, x: Tensor, weights: Tensor, bias: Tensor | None, out: Sequence[int]) -> Tensor:
    """What a layer makes in front of its activation.

    Args:
        layer: of which geometry and groups are needed.
        x: [N, ..., C] that it reads.
        weights: [O, taps..., I].
        bias: [O], where there is one.
        out: the shape of one sample of what it makes.
    """
    from torch.nn import functional

    if layer.geometry is None:
        flat = weights.reshape(len(weights), -1)
        return functional.linear(x.reshape(-1, flat.shape[1]), flat, bias).reshape(-1, *out)
    compute = _transposed if layer.geometry.transposed else _convolved
    return compute(layer.geometry, layer.groups, x.movedim(-1, 1), weights.movedim(-1, 1), bias).movedim(1, -1)


def _convolved(geometry: Geometry, groups: int, x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    from torch.nn import functional

    g, rank = geometry, len(geometry.stride)
    reach = [
        (o - 1) * s + (k - 1) * d + 1 for o, s, k, d in zip(g.out, g.stride, weights.shape[2:], g.dilation, strict=True)
    ]
    behind = tuple(r - e - b for r, e, b in zip(reach, g.extent, g.before, strict=True))
    padding = g.before
    if behind != g.before:
        x, padding = functional.pad(x, _ends(g.before, behind)), (0,) * rank
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[rank - 1]
    return convolve(x, weights, bias, g.stride, padding, g.dilation, groups)


def _transposed(geometry: Geometry, groups: int, x: Tensor, weights: Tensor, bias: Tensor | None) -> Tensor:
    from torch.nn import functional

    g, rank = geometry, len(geometry.stride)
    parts = weights.reshape(groups, -1, *weights.shape[1:]).transpose(1, 2)
    convolve = (functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d)[rank - 1]
    made = convolve(x, parts.reshape(-1, *parts.shape[2:]), None, g.stride, 0, 0, groups, g.dilation)
    before = [-b for b in g.before]
    behind = [o + b - m for o, b, m in zip(g.out, g.before, made.shape[2:], strict=True)]
    made = functional.pad(made, _ends(before, behind))
    return made if bias is None else made + bias.reshape(-1, *[1] * rank)


def _ends(before: Sequence[int], behind: Sequence[int]) -> list[int]:
    """Pads in torch's order, the last axis first; negative ones cut values off."""
    return [count for pair in reversed(list(zip(before, behind, strict=True))) for count in pair]
