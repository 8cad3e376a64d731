"""Checks of scales that the specification fixes: for the outputs of some ops, and across ops that only move values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verification.rule import Hit
from dlpuconv.verification.rules.graph import EIGHT_BIT, inputs_of, outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Context

FIXED: dict[str, tuple[float, int]] = {
    "LOGISTIC": (1 / 256, -128),
    "SOFTMAX": (1 / 256, -128),
    "TANH": (1 / 128, 0),
    "LOG_SOFTMAX": (16 / 256, 127),
    "L2_NORMALIZATION": (1 / 128, 0),
}
"""Scale and int8 zero point of outputs; uint8 zero points are 128 higher."""

MOVERS = frozenset({
    "AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "BROADCAST_TO", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS",
    "GATHER", "GATHER_ND", "MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "PACK", "PAD", "PADV2", "REDUCE_MAX",
    "REDUCE_MIN", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2",
    "SLICE", "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE",
    "TRANSPOSE", "UNPACK",
})  # fmt: skip
"""Ops whose int8 kernels copy values without rescaling, or whose inputs must share one scale."""

_REQUANTIZES_IN_UINT8 = frozenset({"CONCATENATION"})  # the older kernel rescales each input
_TOLERANCE = 1e-5


def has_fixed_scale(view: FileView, _: Context) -> Iterator[Hit]:
    """LOGISTIC, SOFTMAX, TANH, LOG_SOFTMAX, L2_NORMALIZATION."""
    for layer in view.layers:
        if layer.op not in FIXED:
            continue
        scale, zero_point = FIXED[layer.op]
        for tensor in outputs_of(view, layer):
            if tensor.dtype not in EIGHT_BIT or tensor.quantization is None:
                continue
            expected = zero_point + 128 * (tensor.dtype == "uint8")
            found = tensor.quantization
            if not _equal(found.scale, scale) or found.zero_point != expected:
                yield Hit(
                    f"{layer.op} gives scale {found.scale:.6g}, zero point {found.zero_point};"
                    f" {scale:.6g} and {expected} are fixed",
                    layer.name,
                )


def same_scale(view: FileView, _: Context) -> Iterator[Hit]:
    """Every 8-bit input beside the first output."""
    for layer in view.layers:
        if layer.op not in MOVERS or not layer.outputs:
            continue
        output = view.tensors[layer.outputs[0]]
        if layer.op in _REQUANTIZES_IN_UINT8 and output.dtype == "uint8":
            continue
        for tensor in inputs_of(view, layer):
            if tensor.dtype not in EIGHT_BIT or tensor.quantization is None or output.quantization is None:
                continue
            mine, theirs = tensor.quantization, output.quantization
            if not _equal(mine.scale, theirs.scale) or mine.zero_point != theirs.zero_point:
                yield Hit(
                    f"{layer.op} goes from scale {mine.scale:.6g}, zero point {mine.zero_point}"
                    f" to {theirs.scale:.6g}, {theirs.zero_point}",
                    layer.name,
                )
                break


def _equal(a: float, b: float) -> bool:
    return abs(a - b) <= _TOLERANCE * max(abs(a), abs(b))
