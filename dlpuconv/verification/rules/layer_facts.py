"""What rules ask of a layer: its kernel, its strides, its neighbours, the values of its constants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.view import input_at
from dlpuconv.formats.weighted import WEIGHTED

if TYPE_CHECKING:
    from dlpuconv.formats.view import FileView, LayerView, TensorView

_IMAGE_RANK = 4
_MOST_VALUES = 64  # axes, paddings, permutations: a few for each axis


def kernel_of(view: FileView, layer: LayerView) -> tuple[int, int] | None:
    """Height and width of a convolution's weights; None where they are not there."""
    weights = input_at(view, layer, WEIGHTED[layer.op].weights)
    return None if weights is None or len(weights.shape) != _IMAGE_RANK else (weights.shape[1], weights.shape[2])


def stride_of(layer: LayerView) -> tuple[int, int]:
    """Strides along height and width."""
    return number(layer, "stride_h", 1), number(layer, "stride_w", 1)


def filter_of(layer: LayerView) -> tuple[int, int]:
    """Height and width of a pooling window."""
    return number(layer, "filter_height", 1), number(layer, "filter_width", 1)


def number(layer: LayerView, option: str, default: int = 0) -> int:
    """An integer option."""
    value = layer.options.get(option, default)
    return value if isinstance(value, int) else default


def output_of(view: FileView, layer: LayerView) -> TensorView:
    """The first output."""
    return view.tensors[layer.outputs[0]]


def output_channels(view: FileView, layer: LayerView) -> int:
    """Extent of the innermost axis of the output."""
    shape = output_of(view, layer).shape
    return shape[-1] if shape else 1


def nearest_multiples(count: int, group: int) -> str:
    """`30 or 36` for 32 channels in groups of 6."""
    below = count // group * group
    return f"{below} or {below + group}" if below else str(group)


def height_width(tensor: TensorView) -> tuple[int, int] | None:
    """Height and width of an image tensor; None for others."""
    return (tensor.shape[1], tensor.shape[2]) if len(tensor.shape) == _IMAGE_RANK else None


def scale_of(tensor: TensorView | None) -> float:
    """The (first) scale; 0 where there is none."""
    return tensor.quantization.scale if tensor is not None and tensor.quantization is not None else 0.0


def constant_values(tensor: TensorView | None) -> list[int]:
    """The values of a small integer constant, flat; empty where they are not known, or are no such constant."""
    if tensor is None or tensor.data is None or tensor.size > _MOST_VALUES or tensor.is_float:
        return []
    return [int(value) for value in tensor.data.ravel().tolist()]


def real_value(tensor: TensorView) -> float | None:
    """The value of a quantized scalar; None where it is not known."""
    if tensor.data is None or tensor.size != 1 or tensor.is_float or tensor.quantization is None:
        return None
    return tensor.quantization.real(int(tensor.data.ravel()[0])) if tensor.data.size else 0.0


def long_axes(tensor: TensorView) -> int:
    """How many axes are longer than 1."""
    return sum(extent > 1 for extent in tensor.shape)


def feeds_only(view: FileView, layer: LayerView) -> LayerView | None:
    """The one layer that reads the layer's output; None where there are several, or none, or it is an output."""
    output = layer.outputs[0]
    readers = view.consumers.get(output, ())
    return readers[0] if len(readers) == 1 and output not in view.outputs else None
