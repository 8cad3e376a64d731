"""Limits of the operators of ARTPEC-7's Edge TPU: each function says how a layer breaks one, or nothing.

Sources: Axis' copy of Coral's table of supported operations, and Coral's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import constant_values, input_at, long_axes, number, output_of
from dlpuconv.plugin.views import WEIGHTED

if TYPE_CHECKING:
    from dlpuconv.plugin.views import FileView, LayerView

_SOFTMAX_VALUES = 16_000
_DEPTH = 4
_NEWEST_RESIZE = 2  # the version that compiler 14.1 took


def softmax_size(view: FileView, layer: LayerView) -> str:
    """One-dimensional, of some thousand values."""
    output = output_of(view, layer)
    if long_axes(output) > 1:
        return f"it has the shape {list(output.shape)}"
    return f"it has {output.size} values" if output.size > _SOFTMAX_VALUES else ""


def fused_activation(_: FileView, layer: LayerView) -> str:
    """Pools and concatenations."""
    fused = layer.options.get("fused_activation_function", "NONE")
    return f"{layer.op} with {fused}" if fused != "NONE" else ""


def dilation(_: FileView, layer: LayerView) -> str:
    """The dilation of a convolution, if it differs between height and width; else empty."""
    h, w = number(layer, "dilation_h_factor", 1), number(layer, "dilation_w_factor", 1)
    return f"dilation {h}x{w}" if h != w else ""


def touches_batch(view: FileView, layer: LayerView) -> str:
    """Reductions, paddings, splits and packing along axis 0."""
    if layer.op == "SPLIT":
        return "along axis 0" if constant_values(input_at(view, layer, 0)) == [0] else ""
    if layer.op == "PACK":
        return "along axis 0" if number(layer, "axis") == 0 else ""
    values = constant_values(input_at(view, layer, 1))
    if layer.op == "PAD":
        return "the batch is padded" if any(values[:2]) else ""
    source = input_at(view, layer, 0)
    rank = len(source.shape) if source is not None else 0
    return "over axis 0" if rank and any(axis % rank == 0 for axis in values) else ""


def plain_slice(view: FileView, layer: LayerView) -> str:
    """Strides of 1, no ellipsis, no new axis."""
    steps = constant_values(input_at(view, layer, 3))
    if any(step != 1 for step in steps):
        return f"strides {steps}"
    return "an ellipsis or new axis" if number(layer, "ellipsis_mask") or number(layer, "new_axis_mask") else ""


def slope_of_channels(view: FileView, layer: LayerView) -> str:
    """PReLU's slopes."""
    slopes = input_at(view, layer, 1)
    return f"slopes of shape {list(slopes.shape)}" if slopes and any(n > 1 for n in slopes.shape[:-1]) else ""


def weights_format(_: FileView, layer: LayerView) -> str:
    """Shuffled weights are for ARM CPUs."""
    found = layer.options.get("weights_format", "DEFAULT")
    return f"weights are stored as {found}" if found != "DEFAULT" else ""


def constant_part(view: FileView, layer: LayerView) -> str:
    """A concatenation with a constant: of two, and of zeros."""
    inputs = [t for i in layer.inputs if (t := view.tensor(i)) is not None]
    constant = next((t for t in inputs if t.constant), None)
    if constant is None:
        return ""
    if len(inputs) != 2:
        return f"a constant among {len(inputs)} inputs"
    zero = constant.quantization.zero_point if constant.quantization is not None else 0
    return "the constant is not zero" if constant.data is not None and (constant.data != zero).any() else ""


def reduced_depth(view: FileView, layer: LayerView) -> str:
    """MEAN over the channels."""
    source = input_at(view, layer, 0)
    if source is None or not source.shape:
        return ""
    rank, depth = len(source.shape), source.shape[-1]
    over_depth = any(axis % rank == rank - 1 for axis in constant_values(input_at(view, layer, 1)))
    return f"over {depth} channels" if over_depth and depth % _DEPTH else ""


def resized(_: FileView, layer: LayerView) -> str:
    """Newer versions of the resizes, which half-pixel centres need."""
    return f"{layer.op} of version {layer.version}" if layer.version > _NEWEST_RESIZE else ""


def computed_weights(view: FileView, layer: LayerView) -> str:
    """Weights and biases that the graph computes."""
    form = WEIGHTED[layer.op]
    for position, noun in ((form.weights, "weights"), (form.bias, "bias")):
        tensor = input_at(view, layer, position)
        if tensor is not None and not tensor.constant:
            return f"{layer.op} computes its {noun}"
    return ""


def vector_output(view: FileView, layer: LayerView) -> str:
    """The shape of a fully connected layer's output, if it is more than a vector; else empty."""
    output = output_of(view, layer)
    return f"it makes {list(output.shape)}" if long_axes(output) > 1 else ""
