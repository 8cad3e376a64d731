"""Log(Softmax(x)) -> LogSoftmax(x).

Needs nothing. 8 bits hold small values of a Softmax as zero, which has no logarithm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes.contract import FIRED, Outcome, Rewrite

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor


def recognise(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Log; whatever else reads the Softmax keeps it."""
    x = node.inputs[0]
    before = x.producer() if x is not None else None
    if before is None or before.op_type != "Softmax" or before.domain:
        return None
    attributes = {name: attribute.value for name, attribute in before.attributes.items()}
    editor.substitute(node, editor.add(node, "LogSoftmax", [before.inputs[0]], attributes))
    return FIRED


PASS = Rewrite("recognise-log-softmax", "rewritten as LogSoftmax", ("Log",), recognise)
