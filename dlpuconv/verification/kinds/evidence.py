"""What a graph tells of its outputs: where probabilities, boxes, labels and unit vectors are made, and moved on.

Nothing is guessed from names or shapes alone. What no operator tells is `values`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.box_arithmetic import decodes_boxes, is_half_a_box
from dlpuconv.verification.kinds.kind import WHOLE, Region
from dlpuconv.verification.kinds.moves import moved
from dlpuconv.verification.kinds.operands import extents, integer, is_square_root_of_squares, same_exponential

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir

    from dlpuconv.verification.kinds.kind import Kinds

_SIGMOIDS = frozenset({"Sigmoid", "HardSigmoid"})
_SOFTMAXES = {"Softmax": False, "LogSoftmax": True}
_LABELS = frozenset({"ArgMax", "ArgMin"})
_UNIT = frozenset({"LpNormalization"})
_KEPT = frozenset({"Identity", "Cast", "Dropout", "Clip", "Sqrt", "Min", "Max"})
"""Operators behind which a probability is still one."""
_DEEP = 40
_FEWEST_PLACES = 16


def kinds_of(graph: onnx_ir.Graph, stated: Mapping[str, OutputKind] | None = None) -> dict[str, tuple[Region, ...]]:
    """The parts of every output of which something is known or said, by the output's name.

    Args:
        graph: a float network; shapes may be unknown.
        stated: what the user says of whole outputs, which is believed.
    """
    return _found(graph, _Walk({}), _picture(graph), stated or {})


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
    return _found(tail, _Walk(read), _picture(graph), stated or {})


def _found(
    graph: onnx_ir.Graph, walk: _Walk, picture: tuple[int, int] | None, stated: Mapping[str, OutputKind]
) -> dict[str, tuple[Region, ...]]:
    found: dict[str, tuple[Region, ...]] = {}
    for value in graph.outputs:
        name = str(value.name)
        regions = tuple(_settled(region, value, picture) for region in walk.regions(value))
        if name in stated:
            regions = (_as_stated(stated[name], regions, value),)
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
        if shape[axis] >= _FEWEST_PLACES
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

    def regions(self, value: onnx_ir.Value, depth: int = 0) -> tuple[Region, ...]:
        """The parts of a value."""
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
        if kind in _LABELS:
            return Region(kind=OutputKind.CLASSES)
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
        rank = len(extents(value) or ())
        axis = integer(node, "axis", 0)
        axis = axis + rank if axis < 0 else axis
        operands = [operand for operand in node.inputs if operand is not None]
        sizes = [(extents(operand) or (0,) * (axis + 1))[axis] for operand in operands]
        if not rank or not all(sizes):
            return (WHOLE,)
        parts = [self._part(operand, depth + 1) for operand in operands]
        if all(part == parts[0] for part in parts) and all(r.axis != axis for r in parts[0]):
            return parts[0]
        found: list[Region] = []
        at = 0
        for part, size in zip(parts, sizes, strict=True):
            found += _side_by_side(part, axis, at, size)
            at += size
        return tuple(_merged(found))

    def _part(self, value: onnx_ir.Value, depth: int) -> tuple[Region, ...]:
        if is_half_a_box(value):
            return (Region(kind=OutputKind.BOXES),)
        return self.regions(value, depth)


def _first(node: onnx_ir.Node) -> onnx_ir.Value:
    value = node.inputs[0]
    assert value is not None  # the operators that come here have no optional first input
    return value


def _side_by_side(part: tuple[Region, ...], axis: int, at: int, size: int) -> list[Region]:
    """The regions of an operand in the whole that it becomes a part of."""
    if all(region.axis == axis for region in part):
        return [replace(region, start=region.start + at, stop=region.stop + at) for region in part]
    region = part[0] if len(part) == 1 and part[0].axis is None else WHOLE
    return [replace(region, axis=axis, start=at, stop=at + size)]


def _merged(regions: list[Region]) -> list[Region]:
    """Neighbours of one kind as one; halves of boxes two by two."""
    found: list[Region] = []
    for region in regions:
        last = found[-1] if found else None
        if last is not None and last.stop == region.start and _same(last, region):
            found[-1] = replace(last, stop=region.stop)
        else:
            found.append(region)
    return [
        replace(region, kind=OutputKind.VALUES) if region.kind is OutputKind.BOXES and _width(region) != 4 else region
        for region in found
    ]


def _same(a: Region, b: Region) -> bool:
    if a.kind is OutputKind.BOXES and _width(a) >= 4:
        return False
    return replace(a, start=0, stop=0) == replace(b, start=0, stop=0)


def _width(region: Region) -> int:
    return region.stop - region.start


def _is_truth(value: onnx_ir.Value) -> bool:
    """Whether a value is a yes or no, as a number."""
    node = value.producer()
    return node is not None and node.op_type == "Cast" and _first(node).dtype is not None and _bool(_first(node))


def _bool(value: onnx_ir.Value) -> bool:
    import onnx_ir

    return value.dtype == onnx_ir.DataType.BOOL


def _picture(graph: onnx_ir.Graph) -> tuple[int, int] | None:
    """Height and width of the largest picture that the network takes."""
    shapes = [shape for value in graph.inputs if (shape := extents(value)) and len(shape) == 4]
    pictures = [sorted(shape[1:])[-2:] for shape in shapes]
    largest = max(pictures, key=lambda sides: sides[0] * sides[1], default=None)
    return None if largest is None else (largest[0], largest[1])


def _settled(region: Region, value: onnx_ir.Value, picture: tuple[int, int] | None) -> Region:
    """Probabilities of classes, or for every place of a picture, by the shape of the whole output."""
    shape = extents(value)
    if region.axis is not None or shape is None or region.kind not in (OutputKind.SCORES, OutputKind.CLASSES):
        return region
    others = [extent for axis, extent in enumerate(shape) if axis != region.classes and axis > 0]
    sides = sorted(others)[-2:]
    if picture and len(sides) == 2 and all(side >= full for side, full in zip(sides, sorted(picture), strict=True)):
        return replace(region, kind=OutputKind.MASKS)
    if region.classes is not None and all(extent == 1 for extent in others):
        return replace(region, kind=OutputKind.CLASSES)
    return region


def _as_stated(kind: OutputKind, regions: tuple[Region, ...], value: onnx_ir.Value) -> Region:
    """The whole output as one, with what the graph tells of its classes."""
    told = regions[0] if len(regions) == 1 else WHOLE
    shape = extents(value) or ()
    classes = told.classes
    if classes is None and kind in (OutputKind.CLASSES, OutputKind.MASKS) and told.kind is not OutputKind.MASKS:
        classes = _likely_classes(shape, kind)
    return Region(kind=kind, classes=classes, logarithms=told.logarithms, stated=True)


def _likely_classes(shape: tuple[int, ...], kind: OutputKind) -> int | None:
    """Where classes are if the user says that there are some: behind the batch for masks, else last; none of one."""
    axes = [axis for axis, extent in enumerate(shape) if axis > 0 and extent > 1]
    if kind is OutputKind.MASKS:
        return min(axes, key=lambda axis: shape[axis], default=None) if len(axes) == 3 else None
    return axes[-1] if axes else None
