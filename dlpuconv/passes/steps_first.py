"""LSTM, GRU and RNN with the batch first -> Transposes around one with the steps first, which is how all others are.

    x [B, S, I], h [B, D, H]  ->  y [B, S, D, H], h [B, D, H], c [B, D, H]     becomes
    x [S, B, I], h [D, B, H]  ->  y [S, D, B, H], h [D, B, H], c [D, B, H]

Needs nothing. Source: the attribute `layout` of the operators in https://onnx.ai/onnx/operators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor

_BATCHED = (0, 5, 6)
"""Inputs that have a batch: the sequence and the states."""


def put_steps_first(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one layer."""
    if not attrs.integer(node, "layout", 0):
        return None
    inputs = list(node.inputs)
    for position in _BATCHED:
        if position < len(inputs) and inputs[position] is not None:
            inputs[position] = editor.add(node, "Transpose", [inputs[position]], {"perm": [1, 0, 2]})
    settings = {name: value for name, value in node.attributes.items() if name != "layout"}
    layer = editor.insert(node, node.op_type, inputs, settings, outputs=len(node.outputs))
    for index, (old, new) in enumerate(zip(node.outputs, layer.outputs, strict=True)):
        if old.uses() or old.is_graph_output():
            perm = [1, 0, 2] if index else [2, 0, 1, 3]
            editor.replace(old, editor.add(node, "Transpose", [new], {"perm": perm}), adopt_name=True)
    return FIRED


PASS = Rewrite("steps-first", "rewritten with the steps first", ("LSTM", "GRU", "RNN"), put_steps_first)
