"""op(Reshape(x [1, 1, 1, 1] to [])) -> Reshape(op(x)), and x * Reshape(s) -> x * s where x has the rank of s.

Needs static shapes and `merge_reshapes`. A mean over everything is one number; elementwise operators broadcast it
whatever its rank is, so the Reshape between is taken along until nothing needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, rank, static_shape
from dlpuconv.passes.merge_transposes import BINARY, UNARY

if TYPE_CHECKING:
    import onnx_ir


def sink(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Move a Reshape of one element behind the elementwise operator that alone reads it, or drop it there."""
    x, output = node.inputs[0], node.outputs[0]
    readers = {use.node for use in output.uses()}
    before, after = static_shape(x), static_shape(output)
    if x is None or before is None or after is None or any(d != 1 for d in (*before, *after)):
        return None
    if len(readers) != 1 or output.is_graph_output():
        return "several operators read it, or it is an output of the graph"
    reader = readers.pop()
    if reader.op_type not in UNARY | BINARY:
        return f"{reader.op_type} reads it"
    others = [v for v in reader.inputs if v is not output]
    if reader.op_type in UNARY or not others:
        inputs = [x if v is output else v for v in reader.inputs]
        settings = {name: attribute.value for name, attribute in reader.attributes.items()}
        inner = editor.add(reader, reader.op_type, inputs, settings)
        target = editor.constant(np.asarray(after, np.int64), f"{node.name}_shape")
        editor.substitute(reader, editor.add(reader, "Reshape", [inner, target]))
        return FIRED
    if (rank(others[0]) or 0) < (rank(x) or 0):
        return f"{reader.name} would get a higher rank"
    for use in list(output.uses()):
        reader.replace_input_with(use.idx, x)
    editor.remove_unused(node)
    return FIRED


PASS = Rewrite("sink-single-values", "Reshape of a single value moved behind the next operator", ("Reshape",), sink)
