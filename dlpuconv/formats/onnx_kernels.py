"""What ONNX's operators make of constants, by NumPy: those of shape arithmetic and in front of weights.

Each kernel takes a node and all its inputs, and returns its only output, or None where NumPy would not compute what
ONNX defines. Sources: the operators' specifications, https://onnx.ai/onnx/operators/.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx_ir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    type Array = npt.NDArray[Any]
    type Kernel = Callable[[onnx_ir.Node, Sequence[Array]], Array | None]

LONGEST_RANGE: Final = 2**20
"""Grids of detectors have some ten thousand points."""


def _cast(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    to = onnx_ir.DataType(node.attributes["to"].as_int())
    if to == onnx_ir.DataType.STRING or (x[0].dtype.kind == "f" and not np.isfinite(x[0]).all()):
        return None
    return x[0].astype(to.numpy())


def _gather(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    return np.take(x[0], x[1], axis=node.attributes.get_int("axis", 0))


def _concat(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    return np.concatenate(x, axis=node.attributes["axis"].as_int())


def _axes(node: onnx_ir.Node, x: Sequence[Array]) -> Sequence[int] | None:
    if len(x) > 1:
        return [int(a) for a in x[1].ravel()]
    return node.attributes.get_ints("axes", None)


def _unsqueeze(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    axes = _axes(node, x)
    return None if axes is None else np.expand_dims(x[0], tuple(axes))


def _squeeze(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    axes = _axes(node, x)
    return np.squeeze(x[0], None if axes is None else tuple(axes))


def _slice(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if len(x) < 3:
        return None
    starts, ends = x[1].ravel(), x[2].ravel()
    axes = x[3].ravel() if len(x) > 3 else range(len(starts))
    steps = x[4].ravel() if len(x) > 4 else [1] * len(starts)
    index = [slice(None)] * x[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[int(axis)] = slice(int(start), int(end), int(step))
    return x[0][tuple(index)]


def _reshape(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if len(x) != 2:
        return None
    keeps = not node.attributes.get_int("allowzero", 0)
    shape = [x[0].shape[i] if d == 0 and keeps else int(d) for i, d in enumerate(x[1].ravel())]
    return x[0].reshape(shape)


def _transpose(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    perm = node.attributes.get_ints("perm", None)
    return np.transpose(x[0], None if perm is None else tuple(perm))


def _constant_of_shape(node: onnx_ir.Node, x: Sequence[Array]) -> Array:
    value = node.attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else value.as_tensor().numpy()
    return np.full([int(d) for d in x[0].ravel()], fill.reshape(()), fill.dtype)


def _divide(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if x[0].dtype.kind == "f":
        return None if (x[1] == 0).any() else np.divide(x[0], x[1])
    # ONNX divides integers towards zero, NumPy towards minus infinity.
    return None if (x[0] < 0).any() or (x[1] <= 0).any() else np.floor_divide(x[0], x[1])


def _expand(_: onnx_ir.Node, x: Sequence[Array]) -> Array:
    shape = np.broadcast_shapes(x[0].shape, tuple(int(d) for d in x[1].ravel()))
    return np.broadcast_to(x[0], shape)


def _range(_: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    """Start + i * delta for i < max(ceil((limit - start) / delta), 0)."""
    start, limit, delta = (array.reshape(()) for array in x)
    length = (float(limit) - float(start)) / float(delta) if delta else math.inf
    if not length < LONGEST_RANGE:
        return None
    steps = np.arange(max(math.ceil(length), 0))
    return np.asarray(start + steps * delta, start.dtype)


def _remainder(node: onnx_ir.Node, x: Sequence[Array]) -> Array | None:
    if (x[1] == 0).any():
        return None
    return np.fmod(x[0], x[1]) if node.attributes.get_int("fmod", 0) else np.mod(x[0], x[1])


KERNELS: Final[Mapping[str, Kernel]] = {
    "Add": lambda _, x: x[0] + x[1],
    "Sub": lambda _, x: x[0] - x[1],
    "Mul": lambda _, x: x[0] * x[1],
    "Div": _divide,
    "Mod": _remainder,
    "Neg": lambda _, x: -x[0],
    "Reciprocal": lambda _, x: None if (x[0] == 0).any() else np.reciprocal(x[0]),
    "Sqrt": lambda _, x: None if (x[0] < 0).any() else np.sqrt(x[0]),
    "Equal": lambda _, x: np.equal(x[0], x[1]),
    "Greater": lambda _, x: np.greater(x[0], x[1]),
    "Less": lambda _, x: np.less(x[0], x[1]),
    "Not": lambda _, x: np.logical_not(x[0]),
    "And": lambda _, x: np.logical_and(x[0], x[1]),
    "Or": lambda _, x: np.logical_or(x[0], x[1]),
    "Where": lambda _, x: np.where(x[0], x[1], x[2]),
    "Floor": lambda _, x: np.floor(x[0]),
    "Ceil": lambda _, x: np.ceil(x[0]),
    "Identity": lambda _, x: x[0],
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Range": _range,
}
