"""Every node has a name of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir.source_names import UNNAMED

if TYPE_CHECKING:
    import onnx


def name_nodes(graph: onnx.GraphProto) -> None:
    """Give every node a name of its own, in place: `Conv_12` where there was none or a second one."""
    taken = {node.name for node in graph.node}
    seen: set[str] = {""}
    for index, node in enumerate(graph.node):
        if node.name in seen:
            stem = node.name or node.op_type
            number = index
            while f"{stem}_{number}" in taken:
                number += 1
            if not node.name:
                node.metadata_props.add(key=UNNAMED, value="1")
            node.name = f"{stem}_{number}"
            taken.add(node.name)
        seen.add(node.name)
