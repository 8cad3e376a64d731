"""Sigmoid or Softmax that ends an output -> what it reads, as an output of another name.

    Transpose(Concat(Reshape(Sigmoid(x)), Reshape(Sigmoid(y)))) -> Transpose(Concat(Reshape(x), Reshape(y)))

Needs the normal form. Exact: what lies behind moves values, and a softmax's axis stays one axis in all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

import onnx_ir

from dlpuconv.ir.activation import ActivationKind, FinalActivation
from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.editor import Editor, static_shape
from dlpuconv.passes.kept_scales import with_kept_scales
from dlpuconv.passes.merge_transposes import permutation
from dlpuconv.passes.tidy import remove_unused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.ir import Model

_KINDS: Final = {"Sigmoid": ActivationKind.SIGMOID, "Softmax": ActivationKind.SOFTMAX}
_MOVED: Final = {"Reshape": slice(1), "Transpose": slice(1), "Concat": slice(None)}
"""What operators move without changing a number, of their inputs."""
_DEEP: Final = 40


def final_activations(model: Model) -> dict[str, FinalActivation]:
    """By name, the outputs that end in an activation which another part could do as well.

    Not where a file would give the same logits twice, or an input as it is, or where their name is an end's already.

    Args:
        model: in normal form.
    """
    walk, graph = _EndWalk(), model.graph.graph
    ends = {value.name for value in (*graph.inputs, *graph.outputs)}
    found: dict[str, FinalActivation] = {}
    given: set[onnx_ir.Value] = set()
    for value in graph.outputs:
        name, end = value.name or "", walk.end(value)
        if end is None or not given.isdisjoint(end.logits) or any(map(_is_an_end, end.logits)):
            continue
        ending = FinalActivation(kind=end.kind, output=name, axis=end.axis)
        if ending.logits not in ends:
            found[name] = ending
            given |= end.logits
    return found


def without_final_activations(model: Model, activations: Mapping[str, FinalActivation]) -> Model:
    """A model that gives logits instead, under the names that the activations give them.

    Args:
        model: in normal form, normalization folded or not; it is not changed.
        activations: of some of its outputs, by name.
    """
    if not activations:
        return model
    changed = model.copy()
    editor = Editor(changed.graph)
    outputs, made = editor.graph.outputs, dict[onnx_ir.Value, onnx_ir.Value]()
    for position, value in enumerate(list(outputs)):
        if (activation := activations.get(value.name or "")) is not None:
            outputs[position] = logits = _logits(editor, value, made)
            _name(editor, logits, activation.logits)
    while remove_unused(editor):
        pass
    editor.graph.sort()
    return with_kept_scales(changed, editor)


@dataclass(frozen=True, slots=True)
class _End:
    """Where a value comes from.

    Attributes:
        kind: of the activations.
        axis: of a softmax, in the value.
        logits: what they read.
    """

    kind: ActivationKind
    axis: int | None
    logits: frozenset[onnx_ir.Value]


class _EndWalk:
    """From a value back to the activations that made it; each value is looked at once: graphs may be wide."""

    def __init__(self) -> None:
        self._known: dict[onnx_ir.Value, _End | None] = {}

    def end(self, value: onnx_ir.Value, depth: int = 0) -> _End | None:
        """The one kind of activation that all of a value comes from."""
        if value not in self._known:
            self._known[value] = self._end(value, depth)
        return self._known[value]

    def _end(self, value: onnx_ir.Value, depth: int) -> _End | None:
        node, extents = value.producer(), static_shape(value)
        if node is None or node.domain or depth > _DEEP or not extents:
            return None
        if node.op_type in _KINDS:
            axis = attrs.integer(node, "axis", -1) % len(extents) if node.op_type == "Softmax" else None
            return _End(_KINDS[node.op_type], axis, frozenset(v for v in node.inputs if v is not None))
        ends = [self.end(part, depth + 1) for part in _moved(node)]
        known = [end for end in ends if end is not None]
        if not known or len(known) < len(ends) or len({(end.kind, end.axis) for end in known}) > 1:
            return None
        kind, axis = known[0].kind, known[0].axis
        behind = None if axis is None else _behind(node, axis)
        if axis is not None and behind is None:
            return None
        return _End(kind, behind, frozenset().union(*(end.logits for end in known)))


def _name(editor: Editor, value: onnx_ir.Value, name: str) -> None:
    """Name an output; whatever inside has the name gets another one."""
    made = chain.from_iterable(node.outputs for node in editor.graph)
    for other in [each for each in (*made, *editor.graph.initializers.values()) if each.name == name]:
        editor.rename(other, editor.unique(name))
    editor.rename(value, name)


def _is_an_end(value: onnx_ir.Value) -> bool:
    return value.is_graph_output() or value.is_graph_input() or value.is_initializer()


def _moved(node: onnx_ir.Node) -> list[onnx_ir.Value]:
    if node.op_type not in _MOVED:
        return []
    return [value for value in node.inputs[_MOVED[node.op_type]] if value is not None]


def _behind(node: onnx_ir.Node, axis: int) -> int | None:
    """Where an axis lies behind an operator that moves values; None where it is none any more."""
    before, after = static_shape(node.inputs[0]), static_shape(node.outputs[0])
    if before is None or after is None:
        return None
    if node.op_type == "Concat":
        return None if attrs.integer(node, "axis", 0) % len(after) == axis else axis
    if node.op_type == "Transpose":
        order = permutation(node)
        return None if order is None else order.index(axis)
    inner = math.prod(before[axis + 1 :])
    places = (at for at, extent in enumerate(after) if extent == before[axis] and math.prod(after[at + 1 :]) == inner)
    return next(places, None)


def _logits(editor: Editor, value: onnx_ir.Value, made: dict[onnx_ir.Value, onnx_ir.Value]) -> onnx_ir.Value:
    """The value as it would be without its activations, made by operators of its own."""
    if value not in made:
        node = value.producer()
        assert node is not None  # the walk has been here
        if node.op_type in _KINDS:
            (made[value],) = (read for read in node.inputs if read is not None)
        else:
            moved = {part: _logits(editor, part, made) for part in _moved(node)}
            inputs = [moved.get(read, read) if read is not None else None for read in node.inputs]
            made[value] = editor.add(node, node.op_type, inputs, dict(node.attributes))
    return made[value]
