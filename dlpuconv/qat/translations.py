"""ONNX forms of what torch's exporter has none for: weights with a scale for each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401 - registers the operators
from onnxscript import FLOAT, INT8, INT32, INT64
from onnxscript import opset18 as op

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def dequantize_per_channel(  # noqa: PLR0913 - torch's own parameters
    codes: INT8,
    scales: FLOAT,
    zero_points: INT32 | INT64,
    axis: int,
    quant_min: int,  # noqa: ARG001 - the codes keep to it
    quant_max: int,  # noqa: ARG001
    dtype: int = -1,  # noqa: ARG001 - that of the codes
) -> FLOAT:
    """One scale for each index along an axis."""
    of_codes = op.CastLike(zero_points, codes)  # type: ignore[type-var] # of either type
    return op.DequantizeLinear(codes, scales, of_codes, axis=axis)


TRANSLATIONS: Mapping[Callable[..., Any], Callable[..., Any]] = {
    torch.ops.quantized_decomposed.dequantize_per_channel.default: dequantize_per_channel
}
"""ONNX functions by torch's operator."""
