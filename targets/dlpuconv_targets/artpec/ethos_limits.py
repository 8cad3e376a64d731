"""Limits of the operators of ARTPEC-9's DLPU: each function says how a layer breaks one, or nothing.

Source: Arm ethos-n-driver-stack, SUPPORTED.md and SupportQueries.cpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import (
    FIXED,
    constant_values,
    filter_of,
    height_width,
    input_at,
    kernel_of,
    number,
    output_of,
    scale_of,
    stride_of,
)

if TYPE_CHECKING:
    from dlpuconv.plugin.views import FileView, LayerView

_KERNELS = frozenset({1, 2, 3, 5, 7, 9})
_LARGEST_STRIDED = 7
_LARGEST_SCALE = 65536
_SMALLEST_SCALE = 2.0**-32
_LEAST_RATIO = 1 / 128
_DEPTH = 16
_MEAN = frozenset({7, 8})
_MAX_PAD = 7
_MAX_POOL_VALID, _MAX_POOL_SAME, _MAX_POOL_WIDTH = 9, 17, 417


def kernel(view: FileView, layer: LayerView) -> str:
    """Heights and widths of kernels."""
    size = kernel_of(view, layer)
    if size is None:
        return ""
    if not set(size) <= _KERNELS:
        return f"{layer.op} of {size[0]}x{size[1]}"
    if max(size) > _LARGEST_STRIDED and max(stride_of(layer)) > 1:
        return f"{layer.op} of {size[0]}x{size[1]} with stride {max(stride_of(layer))}"
    return ""


def stride(view: FileView, layer: LayerView) -> str:
    """Strides of convolutions."""
    h, w = stride_of(layer)
    allowed = (2,) if layer.op == "TRANSPOSE_CONV" else (1, 2)
    pointwise = layer.op == "DEPTHWISE_CONV_2D" and kernel_of(view, layer) == (1, 1)
    return f"{layer.op} with stride {h}x{w}" if h != w or h not in allowed or (pointwise and h > 1) else ""


def dilation(_: FileView, layer: LayerView) -> str:
    """Dilations of convolutions."""
    h, w = number(layer, "dilation_h_factor", 1), number(layer, "dilation_w_factor", 1)
    return f"{layer.op} with dilation {h}x{w}" if (h, w) != (1, 1) else ""


def depth_multiplier(view: FileView, layer: LayerView) -> str:
    """Output channels for each input channel, from the shapes: the option may be left at 0."""
    source, output = input_at(view, layer, 0), output_of(view, layer)
    if source is None or not source.shape or not output.shape or source.shape[-1] < 1:
        return ""
    multiplier = output.shape[-1] // source.shape[-1]
    return f"depth multiplier {multiplier}" if multiplier != 1 else ""


def overall_scale(view: FileView, layer: LayerView) -> str:
    """The factor that accumulators are multiplied with."""
    first, weights = (2, 1) if layer.op == "TRANSPOSE_CONV" else (0, 1)
    source, kernels, output = input_at(view, layer, first), input_at(view, layer, weights), output_of(view, layer)
    if not scale_of(output) or kernels is None or kernels.quantization is None or not scale_of(source):
        return ""
    factors = [scale_of(source) * scale / scale_of(output) for scale in kernels.quantization.scales]
    wrong = next((factor for factor in factors if not _SMALLEST_SCALE <= factor < _LARGEST_SCALE), None)
    return f"the factor is {wrong:.3g}" if wrong is not None else ""


def concatenation(view: FileView, layer: LayerView) -> str:
    """Depths along the channel axis, and scales."""
    output = output_of(view, layer)
    inputs = [t for i in layer.inputs if (t := view.tensor(i)) is not None]
    shrunk = next((t for t in inputs if scale_of(output) < scale_of(t) * _LEAST_RATIO), None)
    if shrunk is not None:
        return f"from scale {scale_of(shrunk):.3g} to {scale_of(output):.3g}"
    rank = len(output.shape)
    if rank and number(layer, "axis") % rank == rank - 1:
        depths = [t.shape[-1] for t in inputs if t.shape]
        if any(depth % _DEPTH for depth in depths):
            return f"depths {', '.join(map(str, depths))}"
    return ""


def split(view: FileView, layer: LayerView) -> str:
    """Depths along the channel axis."""
    depths = [view.tensors[index].shape[-1] for index in layer.outputs if view.tensors[index].shape]
    source = next((t for i in layer.inputs if (t := view.tensor(i)) is not None and not t.constant), None)
    if source is None or not source.shape or sum(depths) != source.shape[-1]:
        return ""
    return f"depths {', '.join(map(str, depths))}" if any(depth % _DEPTH for depth in depths) else ""


def pool(view: FileView, layer: LayerView) -> str:
    """Windows, strides and paddings."""
    window, step, padding = filter_of(layer), stride_of(layer), layer.options.get("padding")
    source = input_at(view, layer, 0)
    extent = height_width(source) if source is not None else None
    if extent is None:
        return ""
    if layer.op == "AVERAGE_POOL_2D":
        whole = window == extent and set(window) <= _MEAN
        fits = whole or (window == (3, 3) and step == (1, 1) and padding == "SAME")
    else:
        fits = _max_pool_fits(window, step, extent, same=padding == "SAME")
    described = f"{window[0]}x{window[1]} stride {step[0]}x{step[1]} {padding} of {extent[0]}x{extent[1]}"
    return "" if fits else f"{layer.op} {described}"


def _max_pool_fits(window: tuple[int, int], step: tuple[int, int], extent: tuple[int, int], *, same: bool) -> bool:
    if step == (1, 1):
        return max(window) <= (_MAX_POOL_SAME if same else _MAX_POOL_VALID)
    if step != (2, 2) or window not in ((1, 1), (2, 2), (3, 3)):
        return False
    if window == (1, 1):
        return True
    odd = all(side % 2 for side in extent)
    even = not any(side % 2 for side in extent)
    return (odd if same else even) and (window == (2, 2) or extent[1] <= _MAX_POOL_WIDTH)


def mean(view: FileView, layer: LayerView) -> str:
    """What MEAN goes over."""
    source = input_at(view, layer, 0)
    extent = height_width(source) if source is not None else None
    axes = constant_values(input_at(view, layer, 1))
    over = sorted(axis % 4 for axis in axes)
    if extent is None or not axes:
        return ""
    return "" if over == [1, 2] and extent[0] == extent[1] and set(extent) <= _MEAN else f"over axes {over} of {extent}"


def pad(view: FileView, layer: LayerView) -> str:
    """How much is padded where."""
    amounts = constant_values(input_at(view, layer, 1))
    pairs = list(zip(amounts[::2], amounts[1::2], strict=False))
    spatial = len(pairs) == len("NHWC") and not any(pairs[0]) and not any(pairs[3])
    if pairs and not (spatial and max(amounts) <= _MAX_PAD):
        return f"pads {pairs}"
    before, after = input_at(view, layer, 0), output_of(view, layer)
    same = before is None or before.quantization == after.quantization
    return "" if same else f"from scale {scale_of(before):.3g} to {scale_of(after):.3g}"


def resize(view: FileView, layer: LayerView) -> str:
    """Factors of a resize."""
    source = input_at(view, layer, 0)
    before, after = height_width(source) if source is not None else None, height_width(output_of(view, layer))
    if before is None or after is None:
        return ""
    doubled = all(new in (2 * old, 2 * old - 1) for old, new in zip(before, after, strict=True))
    return "" if doubled else f"{before[0]}x{before[1]} to {after[0]}x{after[1]}"


def uneven_resize(view: FileView, layer: LayerView) -> str:
    """One side odd, the other even."""
    after = height_width(output_of(view, layer))
    return f"to {after[0]}x{after[1]}" if after is not None and after[0] % 2 != after[1] % 2 else ""


def fixed_output(view: FileView, layer: LayerView) -> str:
    """Scale and zero point of LOGISTIC and TANH."""
    output = output_of(view, layer)
    if output.quantization is None:
        return ""
    scale, zero_point = FIXED[layer.op]
    zero_point += 128 * (output.dtype == "uint8")
    found = (output.quantization.scale, output.quantization.zero_point)
    return "" if found == (scale, zero_point) else f"scale {found[0]:.6g}, zero point {found[1]}"


def leak(_: FileView, layer: LayerView) -> str:
    """The slope below zero."""
    alpha = layer.options.get("alpha", 0.0)
    return "" if isinstance(alpha, int | float) and 0 < alpha < 1 else f"alpha {alpha}"


def requantization(view: FileView, layer: LayerView) -> str:
    """Scales of QUANTIZE."""
    before, after = scale_of(input_at(view, layer, 0)), scale_of(output_of(view, layer))
    return f"from scale {before:.3g} to {after:.3g}" if after < before * _LEAST_RATIO else ""


def depth_to_space(_: FileView, layer: LayerView) -> str:
    """The block size."""
    block = number(layer, "block_size")
    return "" if block == 2 else f"blocks of {block}"


def transposition(view: FileView, layer: LayerView) -> str:
    """The order of axes."""
    order = constant_values(input_at(view, layer, 1))
    return "" if not order or order[0] == 0 else f"order {order}"
