"""What onnx2tf would lower into something else, or into what has no 8-bit form, is spelled otherwise in a copy for it.

The normal form serves targets that know these operators, and keeps them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.onnx import Editor
from dlpuconv_backends.lowering import spell_functions, spell_indices, spell_resizes

if TYPE_CHECKING:
    from collections.abc import Callable

    import onnx_ir

    from dlpuconv.plugin.onnx import Model

RULES: dict[str, tuple[Callable[[Editor, onnx_ir.Node], bool], Callable[[Editor, onnx_ir.Node], None]]] = {
    "CumSum": (spell_functions.sums_a_short_axis, spell_functions.spell_cumulative_sum),
    "Elu": (spell_functions.has_a_slope, spell_functions.spell_elu),
    "GatherElements": (spell_indices.may_be_negative, spell_indices.spell),
    "LRN": (spell_functions.is_of_a_map, spell_functions.spell_local_response),
    "PRelu": (spell_functions.has_other_slopes, spell_functions.spell_prelu),
    "Resize": (spell_resizes.is_strange, spell_resizes.spell),
}
"""By operator: whether a node needs it, and how it is spelled."""


def respell(model: Model) -> Model:
    """A copy that can be lowered, under the names of the model's own nodes.

    Args:
        model: in normal form.

    Returns:
        The model itself, where it can be.
    """
    if not _nodes(Editor(model.graph)):
        return model
    spelled = model.copy()
    editor = Editor(spelled.graph)
    for node in _nodes(editor):
        known, name = set(editor.graph), node.name
        RULES[node.op_type][1](editor, node)
        for new in set(editor.graph) - known:
            new.name = name
    return spelled


def _nodes(editor: Editor) -> list[onnx_ir.Node]:
    candidates = [node for node in editor.graph if node.domain == "" and node.op_type in RULES]
    return [node for node in candidates if RULES[node.op_type][0](editor, node)]
