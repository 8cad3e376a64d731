"""What a graph tells of its outputs: where probabilities, boxes, labels and unit vectors are made, and moved on.

Nothing is guessed from names or shapes alone. What no operator tells is `values`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.box_arithmetic import decodes_boxes, is_half_a_box
from dlpuconv.verification.kinds.joins import merged, side_by_side
from dlpuconv.verification.kinds.kind import WHOLE, Region
from dlpuconv.verification.kinds.moves import moved
from dlpuconv.verification.kinds.operands import dims, extents, integer, is_square_root_of_squares, same_exponential
from dlpuconv.verification.kinds.places import COLUMNS, FEWEST_PLACES
from dlpuconv.verification.kinds.settle import as_stated, picture_of, settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir

    from dlpuconv.verification.kinds.kind import Kinds

_SIGMOIDS = frozenset({"Sigmoid", "HardSigmoid"})
_SOFTMAXES = {"Softmax": False, "LogSoftmax": True}
_LABELS = frozenset({"ArgMax", "ArgMin"})
_UNIT = frozenset({"LpNormalization"})
_KEPT = frozenset({"Identity", "Cast", "Dropout", "Clip", "Sqrt", "Min", "Max", "Mod"})
"""Operators behind which a probability is still one, and a label a label."""
_OF_CLASSES = frozenset({"ReduceMax", "ReduceMean"})
"""Over classes or places: what they make of probabilities is one."""
_DEEP = 40


def kinds_of(graph: onnx_ir.Graph, stated: Mapping[str, OutputKind] | None = None) -> dict[str, tuple[Region, ...]]:
    """The parts of every output of which something is known or said, by the output's name.

    Args:
        graph: a float network; shapes may be unknown.
        stated: what the user says of whole outputs, which is believed.
    """
    return _found(graph, _Walk({}), picture_of(graph), stated or {})


def kinds_behind(
    graph: onnx_ir.Graph, tail: onnx_ir.Graph, stated: Mapping[str, OutputKind] | None = None
) -> dict[str, tuple[Region, ...]]:
    """The same of the outputs of a tail, whose inputs are outputs of the network in front of it.

    Args:
        graph: the part of the network in front.
        tail: the rest; shapes may be unknown.
        stated: what the user says of whole outputs.
    """
    read = {str(value.name): _Walk({}).regions(value) for value in graph.outputs}
    return _found(tail, _Walk(read), picture_of(graph), stated or {})


def _found(
    graph: onnx_ir.Graph, walk: _Walk, picture: tuple[int, int] | None, stated: Mapping[str, OutputKind]
) -> dict[str, tuple[Region, ...]]:
    found: dict[str, tuple[Region, ...]] = {}
    for value in graph.outputs:
        name = str(value.name)
        regions = tuple(settled(region, value, picture) for region in walk.regions(value))
        if name in stated:
            regions = (as_stated(stated[name], regions, value),)
        if any(region.kind is not OutputKind.VALUES or region.stated for region in regions):
            found[name] = regions
    return found | _beside_scores(graph, found)


def _beside_scores(graph: onnx_ir.Graph, known: Kinds) -> dict[str, tuple[Region, ...]]:
    """Outputs of plain values for as many places as another has scores for: they count where a score does."""
    shapes = {str(value.name): extents(value) or () for value in graph.outputs}
    places = {
        (axis, shape[axis])
        for name, shape in shapes.items()
        if any(region.kind is OutputKind.SCORES and region.axis is None for region in known.get(name, ()))
        for axis in range(1, len(shape))
        if shape[axis] >= FEWEST_PLACES
    }
    found: dict[str, tuple[Region, ...]] = {}
    for name, shape in shapes.items():
        axes = [axis for axis in range(1, len(shape)) if (axis, shape[axis]) in places]
        if name not in known and len(axes) == 1:
            found[name] = (replace(WHOLE, places=axes[0]),)
    return found


class _Walk:
    """From an output back to what made its numbers.

    Args:
        read: what is known of the graph's inputs, by name.
    """

    def __init__(self, read: Kinds) -> None:
        self._read = read
        self._known: dict[onnx_ir.Value, tuple[Region, ...]] = {}

    def regions(self, value: onnx_ir.Value, depth: int = 0) -> tuple[Region, ...]:
        """The parts of a value, which is looked at once only: a stranger's graph may be as wide as he likes."""
        if value not in self._known:
            self._known[value] = self._regions(value, depth)
        return self._known[value]

    def _regions(self, value: onnx_ir.Value, depth: int) -> tuple[Region, ...]:
        node = value.producer()
        if node is None or depth > _DEEP:
            return self._read.get(str(value.name), (WHOLE,))
        made = self._made(node, value)
        if made is not None:
            return (made,)
        if node.op_type == "Mul":
            return self._product(node, depth)
        if node.op_type == "Concat":
            return self._joined(node, value, depth)
        if node.op_type in _KEPT:
            return self.regions(_first(node), depth + 1)
        if node.op_type in _OF_CLASSES:
            read = self.regions(_first(node), depth + 1)
            scores = all(region.kind is OutputKind.SCORES and region.axis is None for region in read)
            return (Region(kind=OutputKind.SCORES),) if scores else (WHOLE,)
        if not node.inputs:
            return (WHOLE,)
        return moved(node, value, self.regions(_first(node), depth + 1))

    def _made(self, node: onnx_ir.Node, value: onnx_ir.Value) -> Region | None:
        """What an operator makes, if it tells."""
        kind = node.op_type
        if kind in _SIGMOIDS:
            return Region(kind=OutputKind.SCORES)
        if kind in _SOFTMAXES:
            axis = integer(node, "axis", -1) % max(len(extents(value) or ()), 1)
            return Region(kind=OutputKind.SCORES, classes=axis, logarithms=_SOFTMAXES[kind])
        if kind in _LABELS or (kind == "TopK" and value is node.outputs[1]):
            return Region(kind=OutputKind.CLASSES, selected=kind == "TopK")
        if (kind in _UNIT and integer(node, "p", 2) == 2) or (
            kind in ("Div", "Mul") and is_square_root_of_squares(node)
        ):
            return Region(kind=OutputKind.EMBEDDINGS)
        if kind == "Div" and (competing := same_exponential(node)) is not None:
            return Region(kind=OutputKind.SCORES, classes=competing)
        return Region(kind=OutputKind.BOXES) if decodes_boxes(value) else None

    def _product(self, node: onnx_ir.Node, depth: int) -> tuple[Region, ...]:
        """A product of probabilities is one; a probability times yes or no as well."""
        sides = [(WHOLE,) if value is None else self.regions(value, depth + 1) for value in node.inputs]
        kinds = [{region.kind for region in side} for side in sides]
        truths = [value is not None and _is_truth(value) for value in node.inputs]
        if all(side == {OutputKind.SCORES} or truth for side, truth in zip(kinds, truths, strict=True)):
            return (Region(kind=OutputKind.SCORES),)
        return (WHOLE,)

    def _joined(self, node: onnx_ir.Node, value: onnx_ir.Value, depth: int) -> tuple[Region, ...]:
        """What is joined stands side by side, or agrees where it is joined along another axis than its parts."""
        operands = [operand for operand in node.inputs if operand is not None]
        rank = len(dims(value)) or max(len(dims(operand)) for operand in operands)
        axis = integer(node, "axis", 0)
        axis = axis + rank if axis < 0 else axis
        sizes = [size for operand in operands if (size := (dims(operand) or (None,) * rank)[axis])]
        if not rank or len(sizes) < len(operands):
            return (WHOLE,)
        parts = [self._part(operand, depth + 1) for operand in operands]
        alike = all(part == parts[0] for part in parts) and all(region.axis != axis for region in parts[0])
        if alike and COLUMNS not in sizes:
            return parts[0]
        found: list[Region] = []
        at = 0
        for part, size in zip(parts, sizes, strict=True):
            found += side_by_side(part, axis, at, size)
            at += size
        return tuple(merged(found))

    def _part(self, value: onnx_ir.Value, depth: int) -> tuple[Region, ...]:
        if is_half_a_box(value):
            return (Region(kind=OutputKind.BOXES),)
        return self.regions(value, depth)


def _first(node: onnx_ir.Node) -> onnx_ir.Value:
    value = node.inputs[0]
    assert value is not None  # the operators that come here have no optional first input
    return value


def _is_truth(value: onnx_ir.Value) -> bool:
    """Whether a value is a yes or no, as a number."""
    node = value.producer()
    return node is not None and node.op_type == "Cast" and _first(node).dtype is not None and _bool(_first(node))


def _bool(value: onnx_ir.Value) -> bool:
    import onnx_ir

    return value.dtype == onnx_ir.DataType.BOOL
