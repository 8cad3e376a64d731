"""Detours: some readers of an activation get it through a depthwise layer of weights 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from dlpuconv.plugin.quantization import detour_name
from dlpuconv_backends.onnx_qdq.gates import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
    from dlpuconv_backends.onnx_qdq.groups import FusedGroup


def detoured(graph: OnnxGraph, readers: Mapping[str, Sequence[FusedGroup]]) -> OnnxGraph:
    """The graph with a layer in front of the first of each activation's readers that take the detour."""
    detours: dict[int, list[str]] = {}
    for x, groups in readers.items():
        for node in (node for group in groups for node in group.nodes):
            detours.setdefault(id(node), []).append(x)
    edit = Edit(graph)
    for node in graph.nodes:
        through = [x for x in detours.get(id(node), ()) if x in node.input]
        for x in through:
            if detour_name(x) not in edit.kinds:
                edit.depthwise(node, x, detour_name(x), (1.0, 0.0))
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [detour_name(x) if x in through else x for x in node.input]
        edit.nodes.append(copy if through else node)
    return edit.made(graph)
