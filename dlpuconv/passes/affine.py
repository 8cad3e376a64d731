"""What a linear operator's weights become when an affine map per channel is folded into them.

Arithmetic is done in float64 and rounded once, so that folding costs no accuracy that can be measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.ir.batch_norm import read_batch_norm
from dlpuconv.passes import attributes as attrs

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.passes.editor import Editor


@dataclass(frozen=True, slots=True)
class ScaleShift:
    """y[c] = scale[c] * x[c] + shift[c]; [C] or [1] each, float64."""

    scale: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]

    @property
    def usable(self) -> bool:
        """False when a factor is not finite."""
        return bool(np.isfinite(self.scale).all() and np.isfinite(self.shift).all())


def batch_norm(node: onnx_ir.Node) -> ScaleShift | str:
    """Scale and shift of a BatchNormalization, gamma * (x - mean) / sqrt(var + eps) + beta, or why they are unknown."""
    norm = read_batch_norm(node)
    if norm is None:
        return "its parameters are not constant"
    scale = norm.gamma / np.sqrt(norm.variance + norm.epsilon)
    affine = ScaleShift(scale, norm.beta - norm.mean * scale)
    return affine if affine.usable else "its parameters give factors that are not finite"


def output_channels(node: onnx_ir.Node, weight: npt.NDArray[Any]) -> int:
    """How many output channels a linear operator has."""
    if node.op_type == "Conv":
        return int(weight.shape[0])
    if node.op_type == "ConvTranspose":
        return int(weight.shape[1]) * attrs.integer(node, "group", 1)
    if node.op_type == "Gemm" and attrs.integer(node, "transB", 0):
        return int(weight.shape[0])
    return int(weight.shape[-1])


def scale_outputs(node: onnx_ir.Node, weight: npt.NDArray[Any], scale: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """The weight that makes a linear operator give its outputs times `scale`.

    Args:
        node: linear in a constant weight, its channels on axis 1 (last axis for Gemm and MatMul).
        weight: Conv [C_out, C_in/groups, *K], ConvTranspose [C_in, C_out/groups, *K], Gemm [K, N] or [N, K],
            MatMul [..., K, N].
        scale: [C_out] or [1].
    """
    wide = weight.astype(np.float64)
    channels = output_channels(node, weight)
    factors = np.broadcast_to(scale, (channels,))
    if node.op_type == "Conv":
        wide *= factors.reshape(-1, *[1] * (weight.ndim - 1))
    elif node.op_type == "ConvTranspose":
        groups = attrs.integer(node, "group", 1)
        # Input channel i belongs to group i // (C_in / groups), which makes its own outputs.
        per_group = factors.reshape(groups, 1, -1)
        wide = wide.reshape(groups, weight.shape[0] // groups, weight.shape[1], -1) * per_group[..., None]
        wide = wide.reshape(weight.shape)
    elif node.op_type == "Gemm" and attrs.integer(node, "transB", 0):
        wide *= factors[:, None]
    else:
        wide *= factors
    return wide.astype(weight.dtype)


def refuse_fold(editor: Editor, node: onnx_ir.Node, affine: ScaleShift) -> str | None:
    """Why a Conv, ConvTranspose or Gemm cannot take a factor and summand behind it; None if it can."""
    weight = editor.array(node.inputs[1])
    if weight is None or weight.dtype.kind != "f":
        return f"the weights of {node.name} are not constant"
    channels = output_channels(node, weight)
    if affine.scale.size not in (1, channels) or affine.shift.size not in (1, channels):
        return f"{node.name} has {channels} output channels, the factors {affine.scale.size}"
    given = node.inputs[2] if len(node.inputs) > 2 else None
    bias = editor.array(given)
    if given is not None and bias is None:
        return f"the bias of {node.name} is not constant"
    if node.op_type != "Gemm":
        return None
    if attrs.number(node, "alpha", 1.0) != 1.0 or (bias is not None and not _one_a_channel(bias, channels)):
        return f"{node.name} is not a plain matrix product with one bias per channel"
    return None


def _one_a_channel(bias: npt.NDArray[Any], channels: int) -> bool:
    return bias.size == 1 or (bias.size == channels and bias.shape[-1] == channels)


def fold_into_outputs(editor: Editor, node: onnx_ir.Node, affine: ScaleShift) -> None:
    """Make a Conv, ConvTranspose or Gemm compute scale * y + shift; `refuse_fold` must have allowed it.

    Args:
        editor: the graph.
        node: a Conv, ConvTranspose or Gemm; edited in place.
        affine: [C_out] or [1].
    """
    weight = editor.array(node.inputs[1])
    assert weight is not None
    channels = output_channels(node, weight)
    given = node.inputs[2] if len(node.inputs) > 2 else None
    bias = editor.array(given)
    before: npt.NDArray[np.float64] = np.zeros(1) if bias is None else bias.astype(np.float64).ravel()
    if node.op_type == "Gemm":
        before = before * attrs.number(node, "beta", 1.0)
        node.attributes.pop("beta", None)
    after = np.broadcast_to(before * affine.scale + affine.shift, (channels,)).astype(weight.dtype)
    editor.multiplied(node, affine.scale)
    node.replace_input_with(1, editor.constant(scale_outputs(node, weight, affine.scale), _name(node.inputs[1])))
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    bias_name = _name(given) if given is not None else f"{node.name}_bias"
    node.replace_input_with(2, editor.constant(after, bias_name))


def _name(value: onnx_ir.Value | None) -> str:
    return (value.name if value is not None else None) or "constant"
