"""Where the parts of a value are behind an operator that only moves its numbers."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.kind import WHOLE, Region
from dlpuconv.verification.kinds.operands import dims, extents, is_constant

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx_ir

_SELECTING = frozenset({"Slice", "Split", "Gather", "Expand", "Tile"})
_CHOOSING = frozenset({"Gather", "GatherElements", "GatherND", "TopK", "Compress"})
"""They choose rows; by indices that the network computes, so that the rows are in an order of their own."""
_RESHAPING = frozenset({"Reshape", "Squeeze", "Unsqueeze", "Flatten"})
_SPREADING = frozenset({"Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "AveragePool", "MaxPool"})
"""They mix the numbers of one kind: probabilities stay probabilities, in the same order of axes."""


def moved(node: onnx_ir.Node, output: onnx_ir.Value, regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """The regions of an operator's output.

    Args:
        node: the operator.
        output: what it makes.
        regions: of its first input.

    Returns:
        Values throughout, where the operator computes, or where nothing can be said.
    """
    source = node.inputs[0]
    if node.op_type in _CHOOSING and source is not None and _computed(node):
        return _chosen(source, output, regions)
    before, after = (extents(source) if source is not None else None), extents(output)
    if node.op_type == "Transpose" and before is not None:
        attribute = node.attributes.get("perm")
        order = list(attribute.as_ints()) if attribute is not None else list(range(len(before)))[::-1]
        return _renumbered(regions, {old: new for new, old in enumerate(order)})
    if node.op_type in _RESHAPING and before is not None and after is not None:
        return _renumbered(regions, kept_axes(before, after))
    if node.op_type in _SELECTING and before is not None and after is not None and len(before) == len(after):
        whole = {axis: axis for axis, (old, new) in enumerate(zip(before, after, strict=True)) if old == new}
        return _renumbered(regions, whole)
    if node.op_type in _SPREADING and all(region.axis is None for region in regions):
        return regions
    if node.op_type in _RESHAPING | _SELECTING and all(region.axis is None for region in regions):
        return tuple(replace(region, classes=None) for region in regions)  # of unknown shape, but of one kind
    return (WHOLE,)


def _computed(node: onnx_ir.Node) -> bool:
    """Whether which rows are chosen depends on what the network sees."""
    return node.op_type == "TopK" or not (
        len(node.inputs) > 1 and node.inputs[1] is not None and is_constant(node.inputs[1])
    )


def _chosen(source: onnx_ir.Value, output: onnx_ir.Value, regions: tuple[Region, ...]) -> tuple[Region, ...]:
    """Rows of the same kinds: parts along the last axis stay there, and those of one kind throughout stay that."""
    last, made = len(dims(source)) - 1, len(dims(output)) - 1
    if all(region.axis is None for region in regions):
        return tuple(replace(region, classes=None, selected=True) for region in regions)
    if made > 0 and all(region.axis == last for region in regions):
        return tuple(replace(region, axis=made, classes=None, selected=True) for region in regions)
    return (WHOLE,)


def kept_axes(before: tuple[int, ...], after: tuple[int, ...]) -> dict[int, int]:
    """Axes that a reshape leaves alone: as long as before, with as many numbers in front and behind."""
    found = {}
    for old, extent in enumerate(before):
        for new, other in enumerate(after):
            if extent == other and extent > 1 and prod(before[:old]) == prod(after[:new]):
                found[old] = new
    return found


def _renumbered(regions: tuple[Region, ...], axes: Mapping[int, int]) -> tuple[Region, ...]:
    """The regions with other axes; one whose axis is lost covers everything if it is the only kind."""
    found = []
    for region in regions:
        classes = None if region.classes is None else axes.get(region.classes)
        if region.axis is None:
            found.append(replace(region, classes=classes))
        elif region.axis in axes:
            found.append(replace(region, axis=axes[region.axis], classes=classes))
        else:
            whole = replace(region, axis=None, start=0, stop=0, classes=None)
            same = all(replace(other, axis=None, start=0, stop=0, classes=None) == whole for other in regions)
            return (whole,) if same else (WHOLE,)
    return tuple(found)
