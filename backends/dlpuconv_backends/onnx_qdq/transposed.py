"""ConvTranspose -> Conv over phases: ONNX Runtime has integer kernels for convolutions alone.

Output u of an axis of stride s reads input j - t with tap p + s t, where u = s j + p: so each of s phases p is a
convolution of its own over the same input, with ceil(k / s) taps. All phases of all axes are channels of one
convolution, which are moved to their places afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin.onnx import FIRED, Editor, Outcome, integer, integers, optional_input, static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    type Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis of space.

    Attributes:
        extent: of the input.
        stride: how many phases there are.
        dilation: of the convolution: of a strided axis, the kernel holds the zeros instead.
        taps: of each phase.
    """

    extent: int
    stride: int
    dilation: int
    taps: int

    @property
    def reach(self) -> int:
        """How many zeros the convolution reads on either side."""
        return (self.taps - 1) * self.dilation

    @property
    def positions(self) -> int:
        """How many positions each phase computes."""
        return self.extent + self.reach

    @classmethod
    def of(cls, extent: int, stride: int, dilation: int, kernel: int, end: int) -> _Axis:
        """An axis whose phases reach as far as the output does, which is padded behind sometimes.

        Args:
            extent: of the input.
            stride: of the transposed convolution.
            dilation: likewise.
            kernel: its taps.
            end: where the output ends, counted from the first value that is computed.
        """
        step, held = (dilation, kernel) if stride == 1 else (1, (kernel - 1) * dilation + 1)
        behind = -(-end // stride) - extent
        return cls(extent, stride, step, max(-(-held // stride), -(-behind // step) + 1))


def transposed_to_convolution(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """ConvTranspose of strides s -> Conv of prod(s) times the channels, their moves, and a Slice of what is padding."""
    weights, shape, after = editor.array(node.inputs[1]), static_shape(node.inputs[0]), static_shape(node.outputs[0])
    bias = optional_input(node, 2)
    biases = editor.array(bias)
    if weights is None or shape is None or after is None or (bias is not None and biases is None):
        return "its weights are computed, or its shapes are unknown"
    rank, groups = weights.ndim - 2, integer(node, "group", 1)
    strides, dilations = (integers(node, name) or [1] * rank for name in ("strides", "dilations"))
    begin = (integers(node, "pads") or [0] * 2 * rank)[:rank]
    end = [p + n for p, n in zip(begin, after[2:], strict=True)]
    axes = [*map(_Axis.of, shape[2:], strides, dilations, weights.shape[2:], end)]
    operands = [node.inputs[0], editor.constant(_phases(weights, dilations, groups, axes), f"{node.name}_phases")]
    if biases is not None:
        operands.append(editor.constant(np.repeat(biases, np.prod(strides)), f"{node.name}_bias"))
    attributes = {"kernel_shape": [a.taps for a in axes], "pads": [a.reach for a in axes] * 2, "group": groups}
    if any(axis.dilation > 1 for axis in axes):
        attributes["dilations"] = [axis.dilation for axis in axes]
    made = _interleaved(editor, node, editor.add(node, "Conv", operands, attributes), axes)
    if tuple(axis.stride * axis.positions for axis in axes) != after[2:]:
        along = [*range(2, rank + 2)]
        bounds = [editor.constant(np.asarray(v, np.int64), f"{node.name}_crop") for v in (begin, end, along)]
        made = editor.add(node, "Slice", [made, *bounds])
    editor.substitute(node, made)
    return FIRED


def _interleaved(editor: Editor, node: onnx_ir.Node, made: onnx_ir.Value, axes: list[_Axis]) -> onnx_ir.Value:
    """[N, C s s, H, W], phases of each channel side by side -> [N, C, H s, W s]."""
    strides, rank = [axis.stride for axis in axes], len(axes)
    if set(strides) == {1}:
        return made
    if rank == 2 and len(set(strides)) == 1:
        return editor.add(node, "DepthToSpace", [made], {"blocksize": strides[0], "mode": "CRD"})
    batch, channels = (static_shape(node.outputs[0]) or ())[:2]
    split = editor.reshape(node, made, (batch, channels, *strides, *(axis.positions for axis in axes)))
    order = [0, 1, *chain.from_iterable((2 + rank + at, 2 + at) for at in range(rank))]
    turned = editor.add(node, "Transpose", [split], {"perm": order})
    return editor.reshape(node, turned, (batch, channels, *(axis.stride * axis.positions for axis in axes)))


def _phases(weights: Array, dilations: list[int], groups: int, axes: list[_Axis]) -> Array:
    """[C_in, C_out / groups, KH, KW] -> [C_out s s, C_in / groups, TH, TW]: tap T - 1 - t of phase p is p + s t."""
    inputs, outputs, *kernel = weights.shape
    rank = len(axes)
    padded = np.zeros((inputs, outputs, *(axis.taps * axis.stride for axis in axes)), np.float32)
    steps = [1 if axis.stride == 1 else dilation for axis, dilation in zip(axes, dilations, strict=True)]
    padded[:, :, *(slice(0, (k - 1) * step + 1, step) for k, step in zip(kernel, steps, strict=True))] = weights
    parts = chain.from_iterable((axis.taps, axis.stride) for axis in axes)
    split = padded.reshape(groups, inputs // groups, outputs, *parts)
    taps, phases = range(3, 3 + 2 * rank, 2), range(4, 4 + 2 * rank, 2)
    turned = np.flip(split, [*taps]).transpose(0, 2, *phases, 1, *taps)
    return np.ascontiguousarray(turned.reshape(-1, inputs // groups, *(axis.taps for axis in axes)))
