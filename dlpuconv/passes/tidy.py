"""Unused -> gone; equal -> one.

Needs nothing. Leaves no node and no constant that nothing reads, and layers with weights of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnx_ir

from dlpuconv.ir.operators import ONNX_WEIGHTED, RANDOM
from dlpuconv.passes.contract import Sweep

if TYPE_CHECKING:
    from dlpuconv.passes.editor import Editor


def remove_unused(editor: Editor) -> int:
    """Drop nodes that no output needs, constants that no node reads, and optional outputs that nothing reads."""
    fired = 0
    for node in reversed(list(editor.graph)):
        if not any(o.uses() or o.is_graph_output() for o in node.outputs):
            editor.graph.remove(node, safe=True)
            fired += 1
    for name, value in list(editor.graph.initializers.items()):
        if not value.uses() and not value.is_graph_output() and not value.is_graph_input():
            del editor.graph.initializers[name]
            fired += 1
    return fired


def merge_constants(editor: Editor) -> int:
    """Constants of equal dtype, shape and bytes -> the first of them."""
    seen: dict[tuple[Any, ...], onnx_ir.Value] = {}
    fired = 0
    for value in list(editor.graph.initializers.values()):
        array = editor.array(value)
        if array is None or value.is_graph_output() or _is_weight(value):
            continue
        key = (str(value.dtype), array.shape, array.tobytes() if array.nbytes <= 1024 else hash(array.tobytes()))
        first = seen.setdefault(key, value)
        if first is not value and array.tobytes() == first.const_value.tobytes():  # type: ignore[union-attr] # a constant
            value.replace_all_uses_with(first)
            del editor.graph.initializers[value.name or ""]
            fired += 1
    return fired


def _is_weight(value: onnx_ir.Value) -> bool:
    # Each layer is quantized and equalized by itself, so layers must not come to share a weight or a bias.
    return any(use.node.op_type in ONNX_WEIGHTED and use.idx > 0 for use in value.uses())


def merge_nodes(editor: Editor) -> int:
    """Nodes of equal operator, inputs and attributes -> the first of them."""
    seen: dict[tuple[Any, ...], onnx_ir.Node] = {}
    fired = 0
    for node in list(editor.graph):
        key = _key(node)
        if key is None:
            continue
        first = seen.setdefault(key, node)
        pairs = list(zip(node.outputs, first.outputs, strict=True))
        if first is node or not all(editor.can_replace(old, new) for old, new in pairs):
            continue
        for old, new in pairs:
            editor.replace(old, new)
        fired += 1
    return fired


def _key(node: onnx_ir.Node) -> tuple[Any, ...] | None:
    if node.op_type in RANDOM:
        return None
    attributes: list[tuple[str, Any]] = []
    for name, attribute in sorted(node.attributes.items()):
        value = attribute.value
        if attribute.type in (onnx_ir.AttributeType.INTS, onnx_ir.AttributeType.FLOATS, onnx_ir.AttributeType.STRINGS):
            value = tuple(attribute.value)
        elif attribute.type not in (
            onnx_ir.AttributeType.INT,
            onnx_ir.AttributeType.FLOAT,
            onnx_ir.AttributeType.STRING,
        ):
            return None
        attributes.append((name, value))
    inputs = tuple(id(v) for v in node.inputs)
    return (node.domain, node.op_type, len(node.outputs), inputs, tuple(attributes))


UNUSED = Sweep("remove-unused", "unused operators and weights removed", remove_unused)
CONSTANTS = Sweep("merge-equal-constants", "equal constants merged", merge_constants)
NODES = Sweep("merge-equal-nodes", "equal operators merged", merge_nodes)
