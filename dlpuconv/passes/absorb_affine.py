"""Whether the operators that make a value can also scale and shift it, and how they do.

    scale * Conv(x) + shift                     -> Conv'(x)
    scale * Concat(a, b) + shift                -> Concat(scale_a * a + shift_a, scale_b * b + shift_b)
    scale * (a + b) + shift                     -> (scale * a + shift) + (scale * b)
    scale * Resize(x) + shift                   -> Resize(scale * x + shift); also AveragePool: their weights sum to 1

Nothing is changed unless every operator on the way can take its part and nothing else reads what changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.affine import ScaleShift, fold_into_outputs, refuse_fold
from dlpuconv.passes.contract import FIRED, Outcome
from dlpuconv.passes.editor import Editor, rank, static_shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx_ir

_LINEAR = ("Conv", "ConvTranspose", "Gemm")
_DEPTH = 6


def absorb(editor: Editor, node: onnx_ir.Node, value: onnx_ir.Value, affine: ScaleShift) -> Outcome:
    """Let what makes `value` make scale * value + shift instead of the node; the reason if that is impossible.

    Args:
        editor: the graph.
        node: it goes.
        value: read by it, and by no other.
        affine: [C] along axis 1 of the value, or [1].
    """
    plan: list[tuple[onnx_ir.Node, ScaleShift]] = []
    refusal = _plan(editor, value, affine, plan, _DEPTH)
    if refusal is None and len({id(linear) for linear, _ in plan}) < len(plan):
        refusal = "one operator makes several parts of it"
    if refusal is not None:
        return refusal
    for linear, part in plan:
        fold_into_outputs(editor, linear, part)
    editor.renamed.update((name, "") for name in _scaled(value))
    editor.replace(node.outputs[0], value, adopt_name=True)
    return FIRED


def _scaled(value: onnx_ir.Value) -> Iterator[str]:
    """The values on the way to the operators that take their part: they hold other numbers now."""
    yield str(value.name)
    node = value.producer()
    if node is not None and node.op_type not in _LINEAR:
        for before in filter(None, node.inputs):
            yield from _scaled(before)


def _plan(
    editor: Editor,
    value: onnx_ir.Value | None,
    affine: ScaleShift,
    plan: list[tuple[onnx_ir.Node, ScaleShift]],
    depth: int,
) -> str | None:
    node = value.producer() if value is not None else None
    if value is None or node is None or depth == 0:
        return "its input is made by no Conv, ConvTranspose or Gemm"
    if editor.only_reader(value) is None:
        return f"other operators read {value.name}, too"
    if node.op_type in _LINEAR:
        refusal = refuse_fold(editor, node, affine)
        if refusal is None:
            plan.append((node, affine))
        return refusal
    if node.op_type == "Concat":
        return _plan_concat(editor, node, affine, plan, depth)
    if node.op_type == "Add":
        shapes = {static_shape(v) for v in (*node.inputs, *node.outputs)}
        if len(shapes) > 1 or node.inputs[0] is node.inputs[1]:
            return f"{node.name} broadcasts"
        rest = ScaleShift(affine.scale, np.zeros(1))
        return _plan(editor, node.inputs[0], affine, plan, depth - 1) or _plan(
            editor, node.inputs[1], rest, plan, depth - 1
        )
    if _averages(node):
        return _plan(editor, node.inputs[0], affine, plan, depth - 1)
    return f"its input is made by {node.op_type}, which has no weights to take a factor"


def _plan_concat(
    editor: Editor, node: onnx_ir.Node, affine: ScaleShift, plan: list[tuple[onnx_ir.Node, ScaleShift]], depth: int
) -> str | None:
    dims = rank(node.outputs[0])
    if dims is None or attrs.integer(node, "axis", 0) % dims != 1:
        return f"{node.name} does not join channels"
    start = 0
    for value in node.inputs:
        shape = static_shape(value)
        if shape is None:
            return f"the shape of {value.name if value else 'an input'} is unknown"
        end = start + shape[1]
        part = ScaleShift(_cut(affine.scale, start, end), _cut(affine.shift, start, end))
        refusal = _plan(editor, value, part, plan, depth - 1)
        if refusal is not None:
            return refusal
        start = end
    return None


def _cut(
    factors: np.ndarray[tuple[int, ...], np.dtype[np.float64]], start: int, end: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return factors if factors.size == 1 else factors[start:end]


def _averages(node: onnx_ir.Node) -> bool:
    """True if every output element is a mean of input elements of its channel, with weights that sum to one."""
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type == "AveragePool":
        return not attrs.pads(node) and not attrs.integer(node, "ceil_mode", 0)
    if node.op_type == "Resize":
        dims = rank(node.outputs[0])
        crops = attrs.text(node, "coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
        return dims == 4 and not crops and not attrs.integer(node, "exclude_outside", 0)
    return False
