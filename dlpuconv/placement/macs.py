"""Multiply-accumulates and parameters of a layer, from its shapes."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from dlpuconv.formats.view import input_at
from dlpuconv.formats.weighted import WEIGHTED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlpuconv.formats.view import FileView, LayerView, TensorView

_BYTES = {"float32": 4, "int32": 4, "int64": 8, "float64": 8, "float16": 2, "int16": 2, "bfloat16": 2}


def macs(view: FileView, layer: LayerView) -> int:
    """Multiply-accumulates of one inference; 0 for ops that have none to speak of.

    Convolutions: outputs x KH x KW x C_in (of one group); depthwise: outputs x KH x KW; transposed: inputs x KH x KW x
    C_out; fully connected and products of matrices: outputs x the shared axis; recurrent: steps x weights. An op of
    ONNX is told from one of TFLite by its name.
    """
    count = _COUNTS.get(layer.op)
    if count is None or layer.custom or not layer.outputs:
        return 0
    return count(view, layer, view.tensors[layer.outputs[0]])


def constants(view: FileView, layer: LayerView) -> list[TensorView]:
    """The constants that a layer reads, each once."""
    tensors = (view.tensor(index) for index in dict.fromkeys(layer.inputs))
    return [tensor for tensor in tensors if tensor is not None and tensor.constant]


def bytes_of(tensors: Iterable[TensorView]) -> int:
    """What constants take, each once."""
    return sum(size * width for size, width in {t.index: (t.size, _BYTES.get(t.dtype, 1)) for t in tensors}.values())


def parameter_bytes(view: FileView) -> int:
    """Bytes of all constants that layers read, each once."""
    return bytes_of(tensor for layer in view.layers for tensor in constants(view, layer))


def _weighted(view: FileView, layer: LayerView, made: TensorView) -> int:
    form = WEIGHTED[layer.op]
    weights, activation = input_at(view, layer, form.weights), input_at(view, layer, form.activation)
    if weights is None or activation is None or not weights.shape:
        return 0
    if layer.op == "TRANSPOSE_CONV":
        return activation.size * prod(weights.shape[:3])
    if layer.op == "DEPTHWISE_CONV_2D":
        return made.size * prod(weights.shape[1:3])
    if layer.op == "CONV_3D":
        return made.size * prod(weights.shape[:4])
    return made.size * prod(weights.shape[1:])


def _batch_matmul(view: FileView, layer: LayerView, made: TensorView) -> int:
    return made.size * _shared(input_at(view, layer, 0), transposed=bool(layer.options.get("adj_x")))


def _onnx_conv(view: FileView, layer: LayerView, made: TensorView) -> int:
    weights = input_at(view, layer, 1)  # [C_out, C_in/groups, *kernel]
    return made.size * prod(weights.shape[1:]) if weights is not None and weights.shape else 0


def _onnx_transposed(view: FileView, layer: LayerView, _: TensorView) -> int:
    activation, weights = input_at(view, layer, 0), input_at(view, layer, 1)  # weights [C_in, C_out/groups, *kernel]
    known = activation is not None and weights is not None and weights.shape
    return activation.size * prod(weights.shape[1:]) if known and activation and weights else 0


def _onnx_product(view: FileView, layer: LayerView, made: TensorView) -> int:
    return made.size * _shared(input_at(view, layer, 0), transposed=bool(layer.options.get("transA")))


def _onnx_recurrent(view: FileView, layer: LayerView, _: TensorView) -> int:
    steps, *weights = (input_at(view, layer, slot) for slot in range(3))  # [T, N, C]; [dirs, gates, C], [.., gates, H]
    if steps is None or len(steps.shape) < 2 or None in weights:
        return 0
    return prod(steps.shape[:2]) * sum(tensor.size for tensor in weights if tensor is not None)


def _shared(left: TensorView | None, *, transposed: bool) -> int:
    """The axis that a product of matrices sums over."""
    if left is None or len(left.shape) < 2:
        return 0
    return max(left.shape[-2] if transposed else left.shape[-1], 0)


_COUNTS: dict[str, Callable[[FileView, LayerView, TensorView], int]] = {
    **dict.fromkeys(WEIGHTED, _weighted),
    "BATCH_MATMUL": _batch_matmul,
    "Conv": _onnx_conv,
    "DeformConv": _onnx_conv,
    "ConvTranspose": _onnx_transposed,
    "Gemm": _onnx_product,
    "MatMul": _onnx_product,
    **dict.fromkeys(("GRU", "LSTM", "RNN"), _onnx_recurrent),
}
