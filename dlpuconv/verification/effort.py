"""Whether a stranger's model is worth running just to see what it answers: the quick no.

What passes here runs in a process with limits of its own (`formats.ort_runner`), which has the last word.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.formats import FileView
    from dlpuconv.formats.view import LayerView

_MOST_VALUES = 1 << 28  # of all tensors together: 1 GiB in float32
_MOST_PRODUCTS = 250e9  # multiplications: a minute
_PRODUCTS = frozenset(("MatMul", "Gemm", "Einsum"))
_NUMBERS = re.compile(r"u?int(8|16|32|64)|float(16|32|64)|bool")


def why_not_run(view: FileView) -> str:
    """The reason not to run a model, to follow `not run: `; empty where it may be run.

    Args:
        view: of an ONNX file.
    """
    if any(tensor.constant and tensor.data is None for tensor in view.tensors):
        return "it takes weights from other files, and a stranger's model names any that it likes"
    if view.subgraphs > 1:
        return "it has branches or loops"
    if any(layer.custom for layer in view.layers):
        return "it has operators that are not ONNX's own"
    ends = [view.tensors[index] for index in (*view.inputs, *view.outputs)]
    if not all(_NUMBERS.fullmatch(tensor.dtype) for tensor in ends):
        return "its inputs and outputs are not all tensors of numbers"
    made = [view.tensors[index] for layer in view.layers for index in layer.outputs]
    if any(t.claimed or t.dtype == "unknown" or min(t.shape, default=1) < 0 for t in (*ends, *made)):
        return "its shapes are not all known"
    if sum(tensor.size for tensor in view.tensors) > _MOST_VALUES:
        return "it takes more memory than 1 GiB"
    if sum(_products(layer, view) for layer in view.layers) > _MOST_PRODUCTS:
        return "it computes more than 250 billion products"
    return ""


def _products(layer: LayerView, view: FileView) -> int:
    """Roughly how many numbers a layer multiplies or compares: for each output a filter, a window or a row."""
    outputs = sum(view.tensors[index].size for index in layer.outputs)
    inputs = [view.tensors[index] for index in layer.inputs if index >= 0 and view.tensors[index].shape]
    filters = [t.size // max(t.shape[0], 1) for t in inputs if t.constant and len(t.shape) > 1]
    rows = [t.shape[-1] for t in inputs] if layer.op in _PRODUCTS else []
    window = layer.options.get("kernel_shape")
    windows = [math.prod(window)] if isinstance(window, tuple) else []
    return outputs * max((*filters, *rows, *windows, 1))
