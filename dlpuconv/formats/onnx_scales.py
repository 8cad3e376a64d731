"""What an ONNX file's own nodes say of its integers: QuantizeLinear and DequantizeLinear hold the scales."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.view import LayerView, TensorView
    from dlpuconv.ir import Affine

QUANTIZE: Final = "QuantizeLinear"
DEQUANTIZE: Final = "DequantizeLinear"
_DEFAULT_AXIS = 1
_SCALE, _ZERO_POINT = 1, 2


def with_scales(tensors: Sequence[TensorView], layers: Iterable[LayerView]) -> tuple[TensorView, ...]:
    """Tensors, those with the scales that the nodes around them state as constants.

    Args:
        tensors: of a file, by index.
        layers: of the same file.
    """
    found = list(tensors)
    for layer in layers:
        if layer.op in (QUANTIZE, DEQUANTIZE) and len(layer.inputs) > _SCALE and layer.outputs:
            index = layer.outputs[0] if layer.op == QUANTIZE else layer.inputs[0]
            stated = _stated(layer, tensors)
            if stated is not None and index >= 0:
                found[index] = replace(found[index], quantization=stated)
    return tuple(found)


def _stated(layer: LayerView, tensors: Sequence[TensorView]) -> Affine | None:
    """Scale and zero point that a node states; None if they are computed, or given for blocks of an axis."""
    import numpy as np  # targets, whose rules know these nodes, are imported to be listed

    from dlpuconv.ir.affine import Affine

    scale = _values(layer, tensors, _SCALE)
    zero = _values(layer, tensors, _ZERO_POINT) if len(layer.inputs) > _ZERO_POINT else np.zeros(1)
    if scale is None or zero is None or scale.ndim > 1 or zero.size not in (1, scale.size):
        return None
    axis = layer.options.get("axis", _DEFAULT_AXIS)
    return Affine.along(axis if isinstance(axis, int) else 0, scale, zero)


def _values(layer: LayerView, tensors: Sequence[TensorView], position: int) -> npt.NDArray[np.generic] | None:
    index = layer.inputs[position]
    data = tensors[index].data if index >= 0 else None
    return data if data is None or data.dtype.kind in "iuf" else None
