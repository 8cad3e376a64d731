"""What the source has as a pool over the whole map becomes one again: GlobalAveragePool, GlobalMaxPool.

The IR knows reductions only. Compilers for networks of images know the pools best; and what the source computes as a
mean stays one, since runtimes sum the two in another order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.onnx import WAS_POOL

if TYPE_CHECKING:
    from dlpuconv.plugin.onnx import Editor

_POOLS = {"ReduceMean": "GlobalAveragePool", "ReduceMax": "GlobalMaxPool"}


def restore_pools(editor: Editor) -> None:
    """Rewrite every such reduction, in place."""
    for node in list(editor.graph):
        if WAS_POOL in node.metadata_props:
            editor.substitute(node, editor.add(node, _POOLS[node.op_type], [node.inputs[0]]))
