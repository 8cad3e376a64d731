"""Which channels a node lets be multiplied by positive factors, if only together with others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlpuconv.plugin.quantization import Tie, active, alike, by_channel, constants, laid_out
from dlpuconv_backends.onnx_qdq.graph import attribute

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import onnx

    from dlpuconv.plugin.quantization import Ties, Value
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

_CHANNELWISE: Final = frozenset({
    "Relu", "Clip", "LeakyRelu", "PRelu", "Abs", "AveragePool", "GlobalAveragePool", "MaxPool", "Resize",
})  # fmt: skip
_SUMS: Final = frozenset({"Add", "Sub"})
_MOVES: Final = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "DepthToSpace", "Slice", "Split"})
_MOST = 1 << 22
"""Values that are followed one by one."""


def ties_of(graph: OnnxGraph, node: onnx.NodeProto, inputs: Sequence[Value | None], outputs: Sequence[Value]) -> Ties:
    """The ties of a node without weights; None where the channels of all that it touches keep their scale."""
    read, known = active(inputs), constants(inputs)
    made = [v for v in outputs if v.is_data]
    if not read or not made:
        return None
    if node.op_type in _CHANNELWISE or (node.op_type in _SUMS and by_channel(known, made[0])):
        return _alike([*read, *made[1:]], made[0])
    if node.op_type == "Mul" and len(read) == 1:
        return _alike(read, made[0])
    if node.op_type == "Concat" and not known:
        return _joined(node, read, made[0])
    if node.op_type in _MOVES:
        return _followed(graph, node, read[0], made)
    return None


def is_product(node: onnx.NodeProto, inputs: Sequence[Value | None], outputs: Sequence[Value]) -> bool:
    """Whether a node multiplies two activations whose channels lie along the same axis."""
    operands = active(inputs)
    if node.op_type != "Mul" or len(operands) != 2:
        return False
    return all(len(v.shape) == len(outputs[0].shape) and _axis(v) == _axis(outputs[0]) for v in operands)


def _axis(value: Value) -> int:
    axis: int = value.handle.axis  # type: ignore[attr-defined] # the adapter's own
    return axis % max(len(value.shape), 1)


def _alike(values: Sequence[Value], other: Value) -> Ties:
    """Channel by channel."""
    if any(len(v.shape) != len(other.shape) or _axis(v) != _axis(other) for v in values):
        return None
    return alike(values, other)


def _joined(node: onnx.NodeProto, read: Sequence[Value], made: Value) -> Ties:
    if any(_axis(v) != _axis(made) for v in read):
        return None
    if attribute(node, "axis") % len(made.shape) != _axis(made):
        return _alike(read, made)
    return laid_out(read, made)


def _followed(graph: OnnxGraph, node: onnx.NodeProto, read: Value, made: Sequence[Value]) -> Ties:
    """Where each channel's values go: they are moved as numbers of channels."""
    shape = graph.kinds[node.input[0]].shape
    if np.prod(shape) > _MOST:
        return None
    along = [-1 if axis == _axis(read) else 1 for axis in range(len(shape))]
    numbers = np.broadcast_to(np.arange(read.channels).reshape(along), shape) if shape else np.zeros(())
    moved = _moved(graph, node, numbers)
    if moved is None:
        return None
    found = []
    for value, values in zip(made, moved, strict=True):
        rows = np.moveaxis(values, _axis(value), 0).reshape(value.channels, -1) if values.ndim else values.reshape(1, 1)
        tie = _tie(read, value, rows)
        if tie is None:
            return None
        found.append(tie)
    return tuple(found)


def _tie(read: Value, made: Value, rows: npt.NDArray[Any]) -> Tie | None:
    """Args: rows: [channels of `made`, values] numbers of channels of `read`."""
    if (rows == rows[:, :1]).all():
        return Tie(made, np.arange(rows.shape[0]), read, rows[:, 0].astype(np.intp))
    owner = np.full(read.channels, -1, np.intp)
    for channel, row in enumerate(rows):
        present = np.unique(row)
        if (owner[present] >= 0).any():
            return None
        owner[present] = channel
    known = np.flatnonzero(owner >= 0)
    return Tie(read, known, made, owner[known])


def _moved(graph: OnnxGraph, node: onnx.NodeProto, numbers: npt.NDArray[Any]) -> list[npt.NDArray[Any]] | None:
    """What the node makes of these values."""
    kinds = [graph.kinds[name] for name in node.output if name]
    if node.op_type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
        return [numbers.reshape(kinds[0].shape)]
    if node.op_type == "Transpose":
        return [numbers.transpose(attribute(node, "perm"))]
    if node.op_type == "Split":
        axis = attribute(node, "axis", 0)
        ends = np.cumsum([kind.shape[axis] for kind in kinds])[:-1]
        return list(np.split(numbers, ends, axis))
    if node.op_type == "DepthToSpace":
        return [_depth_to_space(node, numbers)]
    return _sliced(graph, node, numbers)


def _depth_to_space(node: onnx.NodeProto, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    block, (n, c, h, w) = attribute(node, "blocksize"), numbers.shape
    if str(attribute(node, "mode", "DCR")) == "CRD":
        split = numbers.reshape(n, c // block**2, block, block, h, w).transpose(0, 1, 4, 2, 5, 3)
    else:
        split = numbers.reshape(n, block, block, c // block**2, h, w).transpose(0, 3, 4, 1, 5, 2)
    return split.reshape(n, c // block**2, h * block, w * block)


def _sliced(graph: OnnxGraph, node: onnx.NodeProto, numbers: npt.NDArray[Any]) -> list[npt.NDArray[Any]] | None:
    if any(name and name not in graph.constants for name in node.input[1:]):
        return None
    given = [graph.constants[name].reshape(-1).tolist() if name else None for name in node.input[1:]]
    starts, ends = given[0] or [], given[1] or []
    axes = (given[2] if len(given) > 2 else None) or list(range(len(starts)))
    steps = (given[3] if len(given) > 3 else None) or [1] * len(starts)
    at: list[slice] = [slice(None)] * numbers.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        extent = numbers.shape[axis]
        low, high = (max(start + extent, 0) if start < 0 else start), (end + extent if end < 0 else end)
        at[axis] = slice(low, high if step > 0 or high >= 0 else None, step)
    return [numbers[tuple(at)]]
