"""ReduceMean over all of height and width -> GlobalAveragePool, and ReduceMax -> GlobalMaxPool.

The IR knows reductions only. Compilers for networks of images know the pools best, and most sources have them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    import onnx_ir

_POOLS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}
_CHANNELS = 1  # the axis before those that a pool takes together


def restore_pools(editor: Editor) -> None:
    """Rewrite every such reduction, in place.

    Args:
        editor: of a graph with static shapes, whose reductions have their axes as an input.
    """
    for node in list(editor.graph):
        if node.op_type in _POOLS and _takes_a_whole_map(editor, node):
            editor.substitute(node, editor.add(node, _POOLS[node.op_type], [node.inputs[0]]))


def _takes_a_whole_map(editor: Editor, node: onnx_ir.Node) -> bool:
    shape = static_shape(node.inputs[0])
    axes = editor.integers(node.inputs[1]) if len(node.inputs) > 1 else None
    if shape is None or axes is None or len(shape) <= _CHANNELS + 1 or not attrs.integer(node, "keepdims", 1):
        return False
    x = node.inputs[0]
    return (
        x is not None
        and x.dtype is not None
        and x.dtype.is_floating_point()
        and axes == list(range(_CHANNELS + 1, len(shape)))
    )
