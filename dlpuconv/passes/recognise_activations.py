"""Bounds and slopes in one spelling each.

    Max(x, 0), Clip(x, 0, ) -> Relu(x)            Min(Max(x, a), b), Clip(Clip(x, a, b), c, d) -> Clip(x, a', b')
    PRelu(x, a) -> LeakyRelu<a>(x)                PRelu(x, [C]) of rank 4 as [C, 1, 1]
    Relu(x) + a * Relu(-x) -> PRelu(x, -a)        as Keras computes it

Needs constants folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import rank

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir

    from dlpuconv.passes.editor import Editor

_OF_MAPS = 4
"""The rank of maps: of other values, TFLite has slopes by channel in halves alone."""


def recognise_bounds(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Max, Min or Clip -> Relu or one Clip."""
    bounds = _bounds(editor, node)
    if bounds is None:
        return None
    x, low, high = bounds
    before = x.producer()
    inner = _bounds(editor, before) if before is not None and before.op_type in ("Max", "Min", "Clip", "Relu") else None
    if inner is not None and editor.only_reader(x) is not None:
        # Clip(Clip(x, a, b), c, d) is bounded by c and d after a and b, hence the nesting.
        x, low, high = inner[0], min(max(inner[1], low), high), min(max(inner[2], low), high)
    elif node.op_type == "Relu" or (node.op_type == "Clip" and not (low == 0 and high == np.inf)):
        return None
    if low == 0 and high == np.inf:
        return _become(editor, node, "Relu", [x])
    limits = [
        None if np.isinf(v) else editor.constant(np.asarray(v, np.float32), f"{node.name}_bound") for v in (low, high)
    ]
    return _become(editor, node, "Clip", [x, *limits])


def _bounds(editor: Editor, node: onnx_ir.Node) -> tuple[onnx_ir.Value, float, float] | None:
    """The activation and the bounds of a Max, Min, Clip or Relu by constants; infinite where there is none."""
    dtype = node.outputs[0].dtype
    x = node.inputs[0]
    if dtype is None or not dtype.is_floating_point() or x is None:
        return None
    if node.op_type == "Relu":
        return x, 0.0, np.inf
    if node.op_type == "Clip":
        given = [v for v in node.inputs[1:3] if v is not None]
        if any(editor.scalar(v) is None for v in given):
            return None
        low = editor.scalar(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] is not None else None
        high = editor.scalar(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] is not None else None
        return x, -np.inf if low is None else low, np.inf if high is None else high
    if len(node.inputs) != 2:
        return None
    for constant, other in ((1, 0), (0, 1)):
        bound, value = editor.scalar(node.inputs[constant]), node.inputs[other]
        if bound is not None and value is not None and value.shape == node.outputs[0].shape:
            return (value, bound, np.inf) if node.op_type == "Max" else (value, -np.inf, bound)
    return None


def spell_slope(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """PRelu of one slope -> LeakyRelu; of one slope a channel -> slopes of shape [C, 1, ...]."""
    slope, x = editor.array(node.inputs[1]), node.inputs[0]
    if slope is None or x is None or x.shape is None:
        return "its slope is not constant"
    if slope.size == 1:
        return _become(editor, node, "LeakyRelu", [x], {"alpha": float(slope.reshape(()))})
    if (slope == slope.flat[0]).all():
        return _become(editor, node, "LeakyRelu", [x], {"alpha": float(slope.flat[0])})
    trimmed = slope.reshape(slope.shape[next(i for i, d in enumerate(slope.shape) if d != 1) :])
    if trimmed.shape == slope.shape:
        return None
    node.replace_input_with(1, editor.constant(trimmed, f"{node.name}_slope"))
    return FIRED


def recognise_slope(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Add of both halves of a map's activation -> PRelu."""
    if rank(node.outputs[0]) != _OF_MAPS:
        return None
    for positive, scaled in (node.inputs, reversed(node.inputs)):
        x, other = _operand(positive, "Relu"), None if scaled is None else scaled.producer()
        if x is None or other is None or other.op_type != "Mul" or other.outputs[0].shape != x.shape:
            continue
        for slope, half in (other.inputs, reversed(other.inputs)):
            values, negated = editor.array(slope), _operand(half, "Relu")
            if negated is not None and _is_of_channels(values) and _is_negation(editor, negated, x):
                assert values is not None
                return _become(editor, node, "PRelu", [x, editor.constant(-values, f"{node.name}_slope")])
    return None


def _is_of_channels(slopes: npt.NDArray[Any] | None) -> bool:
    """Whether a map's slopes are one, or one a channel, which come second or last: no format has others."""
    if slopes is None or slopes.ndim > _OF_MAPS:
        return False
    samples, first, rows, last = (1,) * (_OF_MAPS - slopes.ndim) + slopes.shape
    return samples == rows == 1 and 1 in (first, last)


def _operand(value: onnx_ir.Value | None, operator: str) -> onnx_ir.Value | None:
    """What an operator reads that makes this value; None where another makes it."""
    producer = None if value is None else value.producer()
    return producer.inputs[0] if producer is not None and producer.op_type == operator else None


def _is_negation(editor: Editor, value: onnx_ir.Value, x: onnx_ir.Value) -> bool:
    if _operand(value, "Neg") is x:
        return True
    producer = value.producer()
    if producer is None or producer.op_type != "Mul" or x not in producer.inputs:
        return False
    return any(v is not x and editor.scalar(v) == -1 for v in producer.inputs)


def _become(
    editor: Editor,
    node: onnx_ir.Node,
    operator: str,
    inputs: list[onnx_ir.Value | None],
    settings: dict[str, Any] | None = None,
) -> Outcome:
    editor.substitute(node, editor.add(node, operator, inputs, settings))
    return FIRED


BOUNDS = Rewrite("recognise-bounds", "recognised as one Relu or Clip", ("Max", "Min", "Clip", "Relu"), recognise_bounds)
SLOPES = Rewrite("spell-slopes", "slopes of PRelu given per channel", ("PRelu",), spell_slope)
HALVES = Rewrite("join-halves", "joined to one PRelu", ("Add",), recognise_slope)
