"""Any opset from 7 on -> opset 20.

Needs static shapes. Leaves every node in the form of opset 20, which is the first in which Gelu is an operator, so that
each activation that TFLite has is one node; ONNX Runtime has run it since 1.17. `onnx.version_converter` fails on most
real models, hence our adapters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx.defs

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.passes.contract import Sweep
from dlpuconv.passes.opset_adapters import NEWER, OLDER

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor

OPSET = 20


def unify_opset(editor: Editor) -> int:
    """Bring every node to opset 20; the result is how many changed.

    Raises:
        UnsupportedModelError: an operator has no form in opset 20; the message lists all.
    """
    found = editor.opset
    used = {node.domain for node in editor.graph.all_nodes()} | {""}
    for domain in set(editor.model.opset_imports) - used:
        del editor.model.opset_imports[domain]
    fired = sum(_adapt(editor, node, found) for node in list(editor.graph) if node.domain == "")
    if found == OPSET:
        return fired
    missing = {node: reason for node in editor.graph.all_nodes() if (reason := _missing(node))}
    if missing:
        told = ", ".join(sorted(set(missing.values())))
        raise UnsupportedModelError(
            f"the model is of opset {found}; dlpuconv works in opset {OPSET}, which has no {told} of this form: export"
            f" it in opset {OPSET} or an older one",
            refused=(value.name for node in missing for value in node.outputs if value.name),
            id="opset-too-new",
        )
    editor.model.opset_imports[""] = OPSET
    # Opset 20 came with version 9 of the format; version 10 is the newest that ONNX Runtime 1.20 reads.
    editor.model.ir_version = min(max(editor.model.ir_version, 9), 10)
    return fired + 1


def _adapt(editor: Editor, node: onnx_ir.Node, opset: int) -> int:
    fired = 0
    for below, adapter in OLDER.get(node.op_type, ()):
        if opset < below and node.graph is not None:
            before = (len(node.inputs), dict(node.attributes))
            adapter(editor, node)
            after = (len(node.inputs), dict(node.attributes)) if node.graph else None
            fired = int(before != after)
            break  # the adapters of one operator are alternatives, oldest first
    if node.op_type in NEWER and opset > OPSET:
        NEWER[node.op_type](editor, node)
        fired = 1
    return fired


def _missing(node: onnx_ir.Node) -> str:
    if node.domain != "":
        return ""
    if not onnx.defs.has(node.op_type, OPSET, ""):
        return node.op_type
    schema = onnx.defs.get_schema(node.op_type, OPSET, "")
    if schema.deprecated:
        return node.op_type
    known = schema.attributes
    unknown = sorted(set(node.attributes) - set(known))
    return f"{node.op_type} with {', '.join(unknown)}" if unknown else ""


PASS = Sweep("unify-opset", "converted to opset 20", unify_opset)
