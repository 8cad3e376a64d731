"""Operators of quantized PyTorch programs that torch's exporter has no ONNX form for: scales along an axis.

`quantized_decomposed` is what `convert_pt2e` writes. https://github.com/pytorch/pytorch/blob/main/torch/ao/quantization/fx/_decomposed.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_FLOAT = 1  # TensorProto.FLOAT


def translations() -> dict[Any, Callable[..., Any]]:
    """By operator, what writes it; those that nobody has registered cannot be in a program."""
    import torch

    known: dict[str, Callable[..., Any]] = {"quantize_per_channel": _quantize, "dequantize_per_channel": _dequantize}
    operators = torch.ops.quantized_decomposed
    return {getattr(operators, name).default: write for name, write in known.items() if hasattr(operators, name)}


def _quantize(  # noqa: PLR0913 - as the operator
    values: Any, scales: Any, zero_points: Any, axis: int, quant_min: int, quant_max: int, dtype: int
) -> Any:
    """[...] codes of real numbers, `scales` and `zero_points` [C] along `axis`."""
    op = _onnx()
    numbers = (op.Cast(scales, to=_FLOAT), op.Cast(zero_points, to=dtype))
    codes = op.QuantizeLinear(values, *numbers, axis=axis)
    bounds = (op.Cast(op.Constant(value_int=bound), to=dtype) for bound in (quant_min, quant_max))
    return op.Clip(codes, *bounds)


def _dequantize(  # noqa: PLR0913 - as the operator
    codes: Any,
    scales: Any,
    zero_points: Any,
    axis: int,
    quant_min: int,  # noqa: ARG001
    quant_max: int,  # noqa: ARG001
    dtype: int,
    out_dtype: int | None = None,
) -> Any:
    """The real numbers that codes stand for; see `_quantize`."""
    op = _onnx()
    numbers = (op.Cast(scales, to=_FLOAT), op.Cast(zero_points, to=dtype))
    real = op.DequantizeLinear(codes, *numbers, axis=axis)
    return real if out_dtype in (None, -1) else op.Cast(real, to=out_dtype)


def _onnx() -> Any:
    """The opset that torch's exporter writes."""
    from onnxscript.onnx_opset import opset18

    return opset18
