"""The lowest version of a builtin that expresses an operator, and the runtime that first had it.

Sources: tensorflow/lite/tools/versioning/op_version.cc and runtime_version.cc. Cameras carry whatever TensorFlow
Lite their firmware was built with, so a version that is higher than need be is a file that does not load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

_INT8_VERSION: dict[str, int] = {
    "ABS": 2, "ADD": 2, "ARG_MAX": 2, "ARG_MIN": 2, "AVERAGE_POOL_2D": 2, "BATCH_MATMUL": 2, "BATCH_TO_SPACE_ND": 2,
    "BROADCAST_TO": 3, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEPTH_TO_SPACE": 2, "EQUAL": 2,
    "EXP": 2, "FILL": 3, "FULLY_CONNECTED": 4, "GATHER": 2, "GELU": 2, "GREATER": 2, "GREATER_EQUAL": 2,
    "L2_NORMALIZATION": 2, "LESS": 2, "LESS_EQUAL": 2, "LOG": 2, "LOGISTIC": 2, "LOG_SOFTMAX": 2, "MAXIMUM": 2,
    "MAX_POOL_2D": 2, "MEAN": 2, "MINIMUM": 2, "MIRROR_PAD": 2, "MUL": 2, "NOT_EQUAL": 2, "PACK": 2, "PAD": 2,
    "PADV2": 2, "REDUCE_MAX": 2, "REDUCE_MIN": 2, "RELU": 2, "RELU6": 2, "RESIZE_BILINEAR": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2, "REVERSE_V2": 3, "RSQRT": 2, "SLICE": 2, "SOFTMAX": 2, "SPACE_TO_BATCH_ND": 2,
    "SPACE_TO_DEPTH": 2, "SPLIT": 2, "SPLIT_V": 2, "SQRT": 2, "SQUARED_DIFFERENCE": 2, "STRIDED_SLICE": 2, "SUB": 2,
    "SUM": 2, "TANH": 2, "TILE": 3, "TOPK_V2": 2, "TRANSPOSE": 2, "TRANSPOSE_CONV": 2, "UNPACK": 2,
}  # fmt: skip
"""Of an operator whose data is int8; 1 where a builtin is missing."""

_BOOL_VERSION: dict[str, int] = {"GATHER": 3, "REVERSE_V2": 2, "STRIDED_SLICE": 3, "TRANSPOSE": 3, "UNPACK": 3}
"""Versions of operators whose first input is bool."""


def version_of(op: Operator) -> int:
    """The lowest version that expresses `op`, whose tensors have their final types and scales."""
    special = _SPECIAL.get(op.kind)
    lowest = 2 if op.kind == "BROADCAST_TO" else 1  # version 1 was withdrawn
    if _touches_int8(op):
        lowest = _INT8_VERSION.get(op.kind, 1)
    elif op.inputs and op.inputs[0] is not None and op.inputs[0].dtype == np.bool_:
        lowest = _BOOL_VERSION.get(op.kind, lowest)
    return max(lowest, special(op)) if special else lowest


def versions_of(graph: Graph) -> dict[Operator, int]:
    """`version_of` every operator."""
    return {op: version_of(op) for op in graph.operators}


def _touches_int8(op: Operator) -> bool:
    return any(t is not None and t.dtype == np.int8 for t in [*op.inputs, *op.outputs])


def _rank(op: Operator) -> int:
    return max((len(t.shape) for t in op.inputs if t is not None), default=0)


def _broadcasts(op: Operator) -> bool:
    return len({t.shape for t in op.inputs if t is not None}) > 1


def _conv(op: Operator) -> int:
    grouped = op.input(0).shape[-1] != op.input(1).shape[-1]
    return 6 if grouped else 1


def _fully_connected(op: Operator) -> int:
    if len(op.inputs) == 2:  # a third one that is marked absent was known from the beginning
        return 6
    return 5 if getattr(op.options, "keepNumDims", False) else 1


def _gather(op: Operator) -> int:
    return 5 if getattr(op.options, "batchDims", 0) else 1


def _mul(op: Operator) -> int:
    a, b, out = (_scale(t) for t in (op.input(0), op.input(1), op.output))
    return 3 if a and b and out and a * b / out >= 1.0 else 1


def _scale(tensor: Tensor) -> float:
    return tensor.quantization.scale if tensor.quantization is not None else 0.0


def _transpose(op: Operator) -> int:
    rank = len(op.input(0).shape)
    return 6 if rank > 5 else 4 if rank > 4 else 1


def _transpose_conv(op: Operator) -> int:
    if getattr(op.options, "fusedActivationFunction", 0):
        return 4
    return 3 if len(op.inputs) == 4 and op.inputs[3] is not None else 1


def _strided_slice(op: Operator) -> int:
    if getattr(op.options, "offset", False):
        return 8
    if getattr(op.options, "ellipsisMask", 0) or getattr(op.options, "newAxisMask", 0):
        return 6
    return 4 if len(op.input(0).shape) > 4 else 1


def _resize(op: Operator) -> int:
    corners = op.kind == "RESIZE_NEAREST_NEIGHBOR" and getattr(op.options, "alignCorners", False)
    return 3 if corners or getattr(op.options, "halfPixelCenters", False) else 1


def _broadcast_above_rank_4(version: int) -> Callable[[Operator], int]:
    return lambda op: version if _broadcasts(op) and _rank(op) > 4 else 1


def _above_rank_4(version: int) -> Callable[[Operator], int]:
    return lambda op: version if len(op.input(0).shape) > 4 else 1


def _not_rank_4(version: int) -> Callable[[Operator], int]:
    return lambda op: version if len(op.input(0).shape) != 4 else 1


_SPECIAL: dict[str, Callable[[Operator], int]] = {
    "BATCH_TO_SPACE_ND": _not_rank_4(3),
    "CONV_2D": _conv,
    "DIV": _broadcast_above_rank_4(2),
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "MAXIMUM": _broadcast_above_rank_4(3),
    "MINIMUM": _broadcast_above_rank_4(3),
    "MUL": _mul,
    "PAD": _above_rank_4(4),
    "PADV2": _above_rank_4(4),
    "RESIZE_BILINEAR": _resize,
    "RESIZE_NEAREST_NEIGHBOR": _resize,
    "SELECT": _above_rank_4(3),
    "SLICE": _above_rank_4(5),
    "SPACE_TO_BATCH_ND": _not_rank_4(3),
    "STRIDED_SLICE": _strided_slice,
    "SUB": _broadcast_above_rank_4(3),
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transpose_conv,
}
"""Functions that give a higher version than int8 needs, by builtin."""
