"""A newer opset -> an older one, with the same numbers.

`onnx.version_converter` fails on most real models, hence this. Two steps, so that the graph is valid after each:

1. operators that the older set has not are decomposed into ones that it has, still spelled as the newer set does;
2. every operator whose definition changed in between is spelled as the older set does.

What the tables do not know is compared with the schemas: an operator whose older definition has the same attributes
and inputs and takes the types at hand needs no change. Whatever remains is a `Blocker`, which knows the opset it needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

import onnx.defs

from dlpuconv_backends.opsets.decompose import DECOMPOSITIONS
from dlpuconv_backends.opsets.respell import RESPELLINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir

    from dlpuconv.plugin.onnx import Editor

OLDEST = 11
"""Before this opset, Resize, Clip, Pad and Slice mean or look something else."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A node that the wanted opset cannot express.

    Attributes:
        node: its name, or its operator where it has none.
        operator: its type.
        reason: half a sentence for people.
        needs: the lowest opset that can.
    """

    node: str
    operator: str
    reason: str
    needs: int

    @override
    def __str__(self) -> str:
        return f"{self.operator} {self.node!r} ({self.reason}; needs opset {self.needs})"


def lower_opset(editor: Editor, wanted: int) -> tuple[Blocker, ...]:
    """Express the graph in an older opset, in place.

    Args:
        editor: of a graph with static shapes, without subgraphs and without nodes of other domains.
        wanted: at least `OLDEST`; nothing happens where the graph's opset is that or lower.

    Returns:
        What stands in the way. The graph is then of mixed spelling and must be thrown away.
    """
    if editor.opset <= wanted:
        return ()
    _decompose(editor, wanted)
    found = [b for node in list(editor.graph) if (b := _respell(editor, node, wanted)) is not None]
    if not found:
        editor.model.opset_imports[""] = wanted
    return tuple(found)


def _decompose(editor: Editor, wanted: int) -> None:
    """Decompose until nothing changes: a decomposition may use what must be decomposed itself."""
    done = False
    while not done:
        done = True
        for node in list(editor.graph):
            decompose = DECOMPOSITIONS.get(node.op_type)
            if decompose is not None and not onnx.defs.has(node.op_type, wanted, ""):
                done = not decompose(editor, node) and done


def _respell(editor: Editor, node: onnx_ir.Node, wanted: int) -> Blocker | None:
    if not onnx.defs.has(node.op_type, wanted, ""):
        return _blocker(node, "it came later", min(_versions(node.op_type)))
    before = onnx.defs.get_schema(node.op_type, editor.opset, "")
    after = onnx.defs.get_schema(node.op_type, wanted, "")
    if before.since_version == after.since_version:
        return None
    for version, respell in RESPELLINGS.get(node.op_type, ()):
        if wanted < version <= editor.opset:
            reason = respell(editor, node)
            if reason is not None:
                return _blocker(node, reason, version)
            if node.graph is None:  # replaced by nodes that both opsets spell alike
                return None
    _drop_defaults(node, before, after)
    reason = _misfit(node, after)
    return None if reason is None else _blocker(node, reason, _fitting(node, wanted, editor.opset))


def _drop_defaults(node: onnx_ir.Node, before: onnx.defs.OpSchema, after: onnx.defs.OpSchema) -> None:
    """Remove attributes that the older definition has not, where they say what it does anyway."""
    for name in [name for name in node.attributes if name not in after.attributes and name in before.attributes]:
        default = before.attributes[name].default_value
        if default.name and onnx.helper.get_attribute_value(default) == _value(node.attributes[name]):
            node.attributes.pop(name)


def _value(attribute: onnx_ir.Attr) -> object:
    return attribute.value.encode() if isinstance(attribute.value, str) else attribute.value


def _misfit(node: onnx_ir.Node, schema: onnx.defs.OpSchema) -> str | None:
    """Why a node is not what a definition allows."""
    unknown = sorted(set(node.attributes) - set(schema.attributes))
    if unknown:
        return f"with {', '.join(unknown)}"
    if not schema.min_input <= len(node.inputs) <= schema.max_input:
        return f"with {len(node.inputs)} inputs"
    return _type_misfit(node.inputs, schema, schema.inputs) or _type_misfit(node.outputs, schema, schema.outputs)


def _type_misfit(
    values: Sequence[onnx_ir.Value | None],
    schema: onnx.defs.OpSchema,
    formal: Sequence[onnx.defs.OpSchema.FormalParameter],
) -> str | None:
    for position, value in enumerate(values):
        if value is None or value.dtype is None:
            continue
        kind = value.dtype.name.lower()
        if f"tensor({kind})" not in _types(schema, formal[min(position, len(formal) - 1)].type_str):
            return f"of {kind}"
    return None


def _types(schema: onnx.defs.OpSchema, name: str) -> list[str]:
    """The types that a type variable such as `T` stands for, or the type itself."""
    found = [c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == name]
    return list(found[0]) if found else [name]


def _fitting(node: onnx_ir.Node, wanted: int, given: int) -> int:
    """The lowest opset in which the node, as it is spelled, is allowed."""
    for version in sorted(_versions(node.op_type)):
        if wanted < version <= given and _misfit(node, onnx.defs.get_schema(node.op_type, version, "")) is None:
            return version
    return given


def _versions(operator: str) -> list[int]:
    return [s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == operator and not s.domain]


def _blocker(node: onnx_ir.Node, reason: str, needs: int) -> Blocker:
    return Blocker(node.name or node.op_type, node.op_type, reason, needs)
