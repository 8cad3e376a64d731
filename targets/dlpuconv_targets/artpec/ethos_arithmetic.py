"""Limits of ADD and MUL on ARTPEC-9's DLPU: each function says how a layer breaks one, or nothing.

By a scalar, neither computes anything: the same steps are read by another scale or zero point.
Source: Arm ethos-n-driver-stack, SUPPORTED.md.
"""

from __future__ import annotations

from dataclasses import replace
from math import isclose
from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import input_at, output_of, real_value, scale_of

if TYPE_CHECKING:
    from dlpuconv.plugin import Affine
    from dlpuconv.plugin.views import FileView, LayerView, TensorView

_SAME = 1e-3
_MOST_STEPS = 65536


def multiplication(view: FileView, layer: LayerView) -> str:
    """Operands of MUL: one value a channel makes it a depthwise convolution, a scalar another scale."""
    value, constant = operands(view, layer)
    if constant is None:
        return "both operands are computed" if value is not None else ""
    if constant.size > 1:
        per_channel = constant.size == constant.shape[-1]
        return "" if per_channel else f"the constant has the shape {list(constant.shape)}"
    factor, output = real_value(constant), output_of(view, layer)
    if factor is None or value is None or value.quantization is None or output.quantization is None:
        return ""
    affine = value.quantization
    return _unless_same(replace(affine, scales=(affine.scale * factor,)), output.quantization)


def addition(view: FileView, layer: LayerView) -> str:
    """Operands of ADD; a scalar can be expressed by the zero point."""
    value, constant = operands(view, layer)
    if constant is None or value is None or constant.size > 1:
        a, b = input_at(view, layer, 0), input_at(view, layer, 1)
        return "" if a is None or b is None or a.shape == b.shape else f"{list(a.shape)} + {list(b.shape)}"
    summand, output = real_value(constant), output_of(view, layer)
    if summand is None or not scale_of(value) or value.quantization is None or output.quantization is None:
        return ""
    steps = summand / scale_of(value)
    if not abs(steps) < _MOST_STEPS:
        return f"the scalar {summand:.3g}"
    affine = value.quantization
    return _unless_same(replace(affine, zero_points=(affine.zero_point - round(steps),)), output.quantization)


def operands(view: FileView, layer: LayerView) -> tuple[TensorView | None, TensorView | None]:
    """The first computed and the first constant operand of a layer of two."""
    both = [t for t in (input_at(view, layer, 0), input_at(view, layer, 1)) if t is not None]
    return next((t for t in both if not t.constant), None), next((t for t in both if t.constant), None)


def _unless_same(meant: Affine, found: Affine) -> str:
    """Nothing where the steps of the output mean what those of the input do, read by another scale and zero point."""
    same = isclose(meant.scale, found.scale, rel_tol=_SAME) and meant.zero_point == found.zero_point
    return "" if same else "by a scalar, and the output has another scale and zero point than that asks for"
