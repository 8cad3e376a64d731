"""Words and figures for one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.formats import TensorView
    from dlpuconv.formats.view import Option
    from dlpuconv.ir import Affine


def shape_text(tensor: TensorView) -> str:
    """`1x224x224x3`."""
    return "x".join("?" if extent < 0 else str(extent) for extent in tensor.shape) or "scalar"


def tensor_text(tensor: TensorView) -> str:
    """Type, shape and quantization."""
    plain, quantization = f"{tensor.dtype} {shape_text(tensor)}", tensor.quantization
    if quantization is None:
        return plain
    return f"{plain}, scale {quantization.scale:.6g}, zero point {quantization.zero_point}"


def scale_text(quantization: Affine | None) -> str:
    """One scale, or how many there are and from where to where they go."""
    if quantization is None:
        return ""
    if not quantization.per_channel:
        return f"{quantization.scale:.6g}"
    low, high = min(quantization.scales), max(quantization.scales)
    return f"{len(quantization.scales)} on axis {quantization.axis}: {low:.4g} to {high:.4g}"


def zero_point_text(quantization: Affine | None) -> str:
    """One zero point, or the range of several."""
    if quantization is None:
        return ""
    low, high = min(quantization.zero_points), max(quantization.zero_points)
    return str(low) if low == high else f"{low} to {high}"


def option_text(value: Option) -> str:
    """A layer's attribute."""
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def size_text(count: int) -> str:
    """Bytes as kB or MB."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


def name_text(name: str) -> str:
    """TensorFlow joins the names of all that it fused; the first is enough where people read."""
    first, _, rest = name.partition(";")
    return f"{first};…" if rest else first
