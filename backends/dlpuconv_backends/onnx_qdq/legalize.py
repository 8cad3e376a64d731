"""Rewrites towards operators that ONNX Runtime has integer kernels for; each keeps the function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.plugin.onnx import (
    FIRED,
    Editor,
    Outcome,
    PassReport,
    Rewrite,
    integer,
    integers,
    optional_input,
    static_shape,
)
from dlpuconv_backends.onnx_qdq.transposed import transposed_to_convolution

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.plugin.onnx import Model

_MAP_RANK = 4
_LAYERS = ("Conv", "Gemm")


def legalize(model: Model) -> tuple[Model, tuple[PassReport, ...]]:
    """A copy that ONNX Runtime computes in integers as far as it can.

    Args:
        model: in normal form; not changed.

    Returns:
        The model, and what each rewrite did and left alone.
    """
    legal = model.copy()
    editor = Editor(legal.graph)
    reports = []
    for entry in REWRITES:
        found = entry.run(editor)
        reports.append(PassReport(entry.name, entry.title, found.fired, found.nodes, found.declined))
    return legal, tuple(reports)


def mean_to_pool(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """ReduceMean over height, width or both -> GlobalAveragePool or AveragePool."""
    shape, axes = static_shape(node.inputs[0]), editor.integers(optional_input(node, 1))
    if shape is None or axes is None or not integer(node, "keepdims", 1):
        return "its axes or shapes are unknown"
    if len(shape) < _MAP_RANK or not axes or min(axes) < 2:
        return None
    if len(axes) == len(shape) - 2:
        pool = editor.add(node, "GlobalAveragePool", [node.inputs[0]])
    else:
        kernel = [extent if axis + 2 in axes else 1 for axis, extent in enumerate(shape[2:])]
        pool = editor.add(node, "AveragePool", [node.inputs[0]], {"kernel_shape": kernel})
    editor.substitute(node, pool)
    return FIRED


def without_dilations(_: Editor, node: onnx_ir.Node) -> Outcome:
    """AveragePool<dilations = 1> -> AveragePool: ONNX Runtime's integer one does not know the attribute."""
    if set(integers(node, "dilations") or []) != {1}:
        return None
    node.attributes.pop("dilations")
    return FIRED


def difference_to_sum(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Sub(x, c) -> Add(x, -c): there is an integer sum, and no difference."""
    subtracted = editor.array(node.inputs[1])
    if subtracted is None or subtracted.dtype != np.float32:
        return None
    negative = editor.constant(-subtracted, f"{node.name}_negative")
    editor.substitute(node, editor.add(node, "Add", [node.inputs[0], negative]))
    return FIRED


def turn_first(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Gemm<transA = 1>(x, w) -> Gemm(Transpose(x), w): the integer one takes rows as they are."""
    if not integer(node, "transA", 0):
        return None
    node.replace_input_with(0, editor.add(node, "Transpose", [node.inputs[0]], {"perm": [1, 0]}))
    node.attributes.pop("transA")
    return FIRED


def add_bias(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """A layer without a bias -> one of zeros: corrections need a place."""
    weights = editor.array(node.inputs[1])
    if weights is None or optional_input(node, 2) is not None:
        return None
    rows = weights.shape[0] if node.op_type == "Conv" or integer(node, "transB", 0) else weights.shape[1]
    bias = editor.constant(np.zeros(rows, np.float32), f"{node.name}_bias")
    node.resize_inputs(3)
    node.replace_input_with(2, bias)
    return FIRED


def own_constants(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Constants that others read too -> copies: those of each node may be changed by itself; a bias becomes [O]."""
    fired = False
    for position in range(len(node.inputs)):
        value = node.inputs[position]
        values = editor.array(value)
        if value is None or values is None or values.dtype != np.float32:
            continue
        flat = node.op_type == "Gemm" and position == 2 and values.ndim != 1
        if len(list(value.uses())) < 2 and not flat and not value.is_graph_output():
            continue
        if flat:
            shape = static_shape(node.outputs[0])
            if shape is None or values.size not in (1, shape[-1]):
                continue
            values = np.broadcast_to(values.reshape(-1), shape[-1:])
        node.replace_input_with(position, editor.constant(values, f"{node.name}_{value.name}"))
        fired = True
    return FIRED if fired else None


REWRITES: Final = (
    Rewrite("mean-to-pool", "means over height and width became a pool", ("ReduceMean",), mean_to_pool),
    Rewrite(
        "without-dilations", "dilations of 1, which say nothing, were left out", ("AveragePool",), without_dilations
    ),
    Rewrite("difference-to-sum", "a difference became a sum", ("Sub",), difference_to_sum),
    Rewrite("turn-first", "a transposition was written out", ("Gemm",), turn_first),
    Rewrite(
        "transposed-to-convolution",
        "a transposed convolution became a convolution",
        ("ConvTranspose",),
        transposed_to_convolution,
    ),
    Rewrite("add-bias", "a layer got a bias of zeros", _LAYERS, add_bias),
    Rewrite(
        "own-constants", "each reader got constants of its own", (*_LAYERS, "MatMul", "Add", "Mul"), own_constants
    ),  # after those that add some
)
"""In their order."""
