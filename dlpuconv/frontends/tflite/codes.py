"""What the integers of a quantized file stand for: the same file in real numbers, and the scales that it states.

Integers without a scale are indices, shapes and counts, and stay what they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.errors import ModelError
from dlpuconv.ir.affine import IntegerType
from dlpuconv.ir.given_scales import StatedScale

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.formats.view import FileView, LayerView, TensorView
    from dlpuconv.frontends.tflite.graph import NodeGraph
    from dlpuconv.ir.affine import Affine

_CODES: Final = {"int8", "uint8", "int16"}
_SUMS: Final = {"int32", "int64"}
"""The types of biases, whose scales follow from others."""


def in_real_numbers(view: FileView) -> FileView:
    """The file as if it had been written in float32: constants are what their integers stand for.

    Raises:
        ModelError: a scale cannot be.
    """
    return replace(view, tensors=tuple(map(_real, view.tensors)))


def stated_values(graph: NodeGraph, view: FileView) -> Mapping[str, StatedScale]:
    """How the values of an ONNX graph are quantized: constants in every form, others in the layout of their maker.

    Args:
        graph: made of the file in real numbers.
        view: the file as it is; nothing is stated by a float one.
    """
    found = {}
    for index, scale in _stated_tensors(view).items():
        if graph.array(index) is None:
            found[graph.home(index)] = scale
            continue
        for name, permutation in graph.forms(index).items():
            axis = permutation.index(scale.affine.axis) if permutation else 0
            found[name] = replace(scale, affine=replace(scale.affine, axis=axis))
    return found


def _stated_tensors(view: FileView) -> Mapping[int, StatedScale]:
    """By index; what a constant is dequantized to states the same as the constant."""
    quantized = [each for each in view.tensors if each.dtype in _CODES and each.quantization]
    found = {each.index: _stated(each) for each in quantized if each.data is not None or not each.constant}
    for layer in view.layers:
        if layer.op == "DEQUANTIZE" and len(layer.inputs) == len(layer.outputs) == 1:
            (read,), (made,) = layer.inputs, layer.outputs
            if read in found and view.tensors[read].constant:
                found[made] = found[read]
    return found


def computes_with_codes(layer: LayerView, view: FileView) -> bool:
    """Whether an operator takes the integers that stand for real numbers for numbers of their own."""
    return layer.op == "CAST" and any(_is_quantized(view.tensors[index]) for index in (*layer.inputs, *layer.outputs))


def _is_quantized(tensor: TensorView) -> bool:
    sums = tensor.dtype in _SUMS and tensor.constant
    return tensor.quantization is not None and (sums or tensor.dtype in _CODES)


def _real(tensor: TensorView) -> TensorView:
    if not _is_quantized(tensor):
        return tensor
    affine = _checked(tensor)
    with np.errstate(over="ignore"):  # what is infinite is refused with all other weights
        data = None if tensor.data is None else affine.decode(tensor.data).astype(np.float32)
    return replace(tensor, dtype="float32", quantization=None, data=data)


def _stated(tensor: TensorView) -> StatedScale:
    return StatedScale(affine=_checked(tensor), codes=IntegerType.named(tensor.dtype))


def _checked(tensor: TensorView) -> Affine:
    """Its scales and zero points, which are a stranger's.

    Raises:
        ModelError: they cannot be.
    """
    affine = tensor.quantization
    assert affine is not None
    scales = np.asarray(affine.scales)
    if not np.isfinite(scales).all() or not (scales > 0).all():
        raise ModelError(
            f"the file is damaged: tensor {tensor.index} has a scale that is not above zero", id="quantization-invalid"
        )
    codes = IntegerType.named(tensor.dtype)
    if min(affine.zero_points) < codes.lowest or max(affine.zero_points) > codes.highest:
        raise ModelError(
            f"the file is damaged: tensor {tensor.index} has a zero point that is no {codes.name}, as its codes are",
            id="quantization-invalid",
        )
    if affine.per_channel and not (
        0 <= affine.axis < len(tensor.shape) and tensor.shape[affine.axis] == len(affine.scales)
    ):
        raise ModelError(
            f"the file is damaged: tensor {tensor.index} of shape {list(tensor.shape)} has {len(affine.scales)} scales"
            f" along axis {affine.axis}",
            id="quantization-invalid",
        )
    return affine if affine.per_channel else replace(affine, axis=0)
