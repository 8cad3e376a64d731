"""Pool over the whole map -> ReduceMean or ReduceMax; ReduceX<keepdims=0> -> Reshape ∘ ReduceX<keepdims=1>.

Needs static shapes and explicit padding. Leaves every reduction with its axes kept. A reduction that keeps its axes
stays a map of rank 4, which can be taken to NHWC; the axes are written as non-negative constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir

_POOLS = {"GlobalAveragePool": "ReduceMean", "GlobalMaxPool": "ReduceMax", "AveragePool": "ReduceMean"}
WAS_POOL = "dlpuconv.pool"
"""Metadata of a reduction that the source has as a pool over the whole map."""
_REDUCTIONS = ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceProd")


def pool_to_reduction(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """A pool over all of height and width -> a reduction over axes 2 and 3."""
    shape = static_shape(node.inputs[0])
    if shape is None:
        return "the shape of its input is unknown"
    if not node.op_type.startswith("Global") and not _whole(node, shape):
        return None
    axes = editor.constant(np.arange(2, len(shape)), f"{node.name}_axes")
    reduction = editor.insert(node, _POOLS[node.op_type], [node.inputs[0], axes], {"keepdims": 1})
    reduction.metadata_props[WAS_POOL] = "1"
    editor.substitute(node, reduction.outputs[0])
    return FIRED


def _whole(node: onnx_ir.Node, shape: tuple[int, ...]) -> bool:
    kernel = attrs.integers(node, "kernel_shape")
    return kernel == list(shape[2:]) and not attrs.pads(node)


def keep_axes(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Write the axes out, and take kept axes away by a Reshape."""
    shape, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    given = node.inputs[1] if len(node.inputs) > 1 else None
    axes = editor.integers(given) if given is not None else []
    if shape is None or after is None or axes is None:
        return "its axes or shapes are unknown"
    if not axes and attrs.integer(node, "noop_with_empty_axes", 0):
        if not editor.can_replace(node.outputs[0], node.inputs[0]) if node.inputs[0] else True:
            return "it is an output of the graph"
        editor.replace(node.outputs[0], node.inputs[0])  # type: ignore[arg-type] # a reduction has an input
        return FIRED
    written = sorted({a % len(shape) for a in axes} or range(len(shape)))
    keeps = bool(attrs.integer(node, "keepdims", 1))
    if keeps and axes == written:
        return None
    constant = editor.constant(np.asarray(written, np.int64), f"{node.name}_axes")
    result = editor.add(node, node.op_type, [node.inputs[0], constant], {"keepdims": 1})
    editor.substitute(node, result if keeps else editor.reshape(node, result, after))
    return FIRED


POOLS = Rewrite(
    "pools-to-reductions", "global pool rewritten as a ReduceMean or ReduceMax", tuple(_POOLS), pool_to_reduction
)
AXES = Rewrite("keep-reduced-axes", "reduction rewritten with keepdims=1", _REDUCTIONS, keep_axes)
