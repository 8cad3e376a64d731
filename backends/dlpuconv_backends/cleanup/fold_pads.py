"""PAD + VALID convolution -> SAME convolution, where SAME means exactly these pads.

TensorFlow's SAME puts max((ceil(in / stride) - 1) * stride + extent - in, 0) zeros around, the smaller half in front
(extent = (kernel - 1) * dilation + 1). With stride 1 and an odd kernel that is what everybody does; with stride 2 on
an even input it is (0, 1) where PyTorch pads (1, 1), and the PAD has to stay. Pads at the end that no window
reaches are cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input, scalar
from dlpuconv_backends.cleanup.layers import layer
from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_NON_NEGATIVE = frozenset((schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6))
_NON_NEGATIVE_KINDS = frozenset(("RELU", "RELU6", "RELU_0_TO_1", "LOGISTIC", "SOFTMAX", "ABS", "SQUARE", "EXP"))
_PASSING = frozenset(("RESHAPE", "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_NEAREST_NEIGHBOR", "PAD", "SLICE"))
_VERY_LOW = -1e30


class Window(NamedTuple):
    """One axis of a convolution or pool: extent of its kernel with dilation, and stride."""

    extent: int
    stride: int


def same_pads(size: int, window: Window) -> tuple[int, int]:
    """The zeros that padding=SAME puts in front of and behind an axis of this size."""
    count = -(-size // window.stride)
    total = max((count - 1) * window.stride + window.extent - size, 0)
    return total // 2, total - total // 2


def fold_pads(graph: Graph) -> int:
    """Rewrite in place; how many operators changed."""
    changed = 0
    uses = Uses(graph)  # stays true: no rewrite below changes who makes which tensor
    for op in graph.operators:
        pad = uses.producer(op.inputs[0]) if op.inputs else None
        if pad is None or pad.kind not in ("PAD", "PADV2"):
            continue
        if (windows := _windows(op)) is not None:
            changed += _fold(pad, op, windows, uses)
    return changed


def _pads(op: Operator) -> npt.NDArray[Any] | None:
    """[rank, 2] zeros in front and behind."""
    return constant_input(op, 1)


def _windows(op: Operator) -> tuple[Window, Window] | None:
    """Vertical and horizontal window of an operator that is padded VALID."""
    options = op.options
    if getattr(options, "padding", None) != schema.Padding.VALID:
        return None
    if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and (conv := layer(op)) is not None:
        height, width = conv.weights.shape[1:3]
        dilation = max(options.dilationHFactor, 1), max(options.dilationWFactor, 1)
        return (
            Window((height - 1) * dilation[0] + 1, options.strideH),
            Window((width - 1) * dilation[1] + 1, options.strideW),
        )
    if op.kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        return Window(options.filterHeight, options.strideH), Window(options.filterWidth, options.strideW)
    return None


def _fold(pad: Operator, op: Operator, windows: tuple[Window, Window], uses: Uses) -> bool:
    pads = _pads(pad)
    source = pad.input(0)
    if pads is None or len(source.shape) != 4 or not _padding_is_harmless(pad, op, uses):
        return False
    wanted = [_reached(source.shape[axis], pads[axis], windows[axis - 1]) for axis in (1, 2)]
    if np.any(pads[[0, 3]]):
        return False
    exact = wanted == [same_pads(source.shape[axis], windows[axis - 1]) for axis in (1, 2)]
    if exact and op.kind != "AVERAGE_POOL_2D":
        op.options.padding = schema.Padding.SAME
        op.inputs[0] = source
        return True
    if wanted == [(0, 0), (0, 0)]:
        op.inputs[0] = source
        return True
    return False


def _reached(size: int, pads: npt.NDArray[Any], window: Window) -> tuple[int, int]:
    """The pads of an axis without those behind it that no window reaches."""
    before, after = int(pads[0]), int(pads[1])
    count = (size + before + after - window.extent) // window.stride + 1
    return before, max(min(after, (count - 1) * window.stride + window.extent - size - before), 0)


def _padding_is_harmless(pad: Operator, op: Operator, uses: Uses) -> bool:
    """True when the operator's own padding does the same as this PAD.

    A convolution pads with zeros. MAX_POOL_2D leaves padding out of its maximum: as good as the lowest value, or as a
    zero where no value is negative.
    """
    value = 0.0 if pad.kind == "PAD" else scalar(pad.inputs[2])
    if value is None:
        return False
    if op.kind != "MAX_POOL_2D":
        return value == 0.0
    return value <= _VERY_LOW or (value == 0.0 and is_non_negative(pad.input(0), uses))


def is_non_negative(tensor: Tensor, uses: Uses) -> bool:
    """True when no value of a tensor can be below zero."""
    op = uses.producer(tensor)
    if op is None:
        return False
    if getattr(op.options, "fusedActivationFunction", 0) in _NON_NEGATIVE or op.kind in _NON_NEGATIVE_KINDS:
        return True
    if op.kind == "CONCATENATION":
        return all(t is not None and not t.is_constant and is_non_negative(t, uses) for t in op.inputs)
    return op.kind in _PASSING and is_non_negative(op.input(0), uses)
