"""What a whole output is, by its shape as well; and what the user says that it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.kind import WHOLE, Region
from dlpuconv.verification.kinds.operands import extents
from dlpuconv.verification.kinds.places import COLUMNS

if TYPE_CHECKING:
    import onnx_ir

_COLORS = 3


def picture_of(graph: onnx_ir.Graph) -> tuple[int, int] | None:
    """Height and width of the largest picture that the network takes."""
    shapes = [shape for value in graph.inputs if (shape := extents(value)) and len(shape) == 4]
    pictures = [sorted(shape[1:])[-2:] for shape in shapes]
    largest = max(pictures, key=lambda sides: sides[0] * sides[1], default=None)
    return None if largest is None else (largest[0], largest[1])


def settled(region: Region, value: onnx_ir.Value, picture: tuple[int, int] | None) -> Region:
    """Probabilities of classes, or for every place of a picture, by the shape of the whole output.

    What a Sigmoid makes may be no probability: three at every place of a picture may be its colors, and four may be a
    box whose corners are shares of it. In doubt they are values.
    """
    shape = extents(value)
    if region.axis is not None or shape is None or region.kind not in (OutputKind.SCORES, OutputKind.CLASSES):
        return region
    others = [extent for axis, extent in enumerate(shape) if axis != region.classes and axis > 0]
    sides = sorted(others)[-2:]
    if picture and len(sides) == 2 and all(side >= full for side, full in zip(sides, sorted(picture), strict=True)):
        colors = region.kind is OutputKind.SCORES and region.classes is None and _COLORS in shape[1:]
        return WHOLE if colors else replace(region, kind=OutputKind.MASKS)
    if region.classes is not None and all(extent == 1 for extent in others):
        return replace(region, kind=OutputKind.CLASSES)
    four = region.kind is OutputKind.SCORES and region.classes is None and COLUMNS in shape[1:]
    return WHOLE if four else region


def as_stated(kind: OutputKind, regions: tuple[Region, ...], value: onnx_ir.Value) -> Region:
    """The whole output as one, with what the graph tells of its classes.

    Raises:
        UsageError: boxes are said to be where no axis has four numbers.
    """
    told = regions[0] if len(regions) == 1 else WHOLE
    shape = extents(value) or ()
    if kind is OutputKind.BOXES and shape and COLUMNS not in shape:
        said = f"--output-kind {f'{value.name}=boxes'!r}"
        raise UsageError(
            f"{said}: boxes are four numbers each, and no axis of its shape {list(shape)} has four",
            id="output-kind-misfit",
        )
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
