"""What becomes of the parts of values that are joined."""

from __future__ import annotations

from dataclasses import replace

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.kind import WHOLE, Region
from dlpuconv.verification.kinds.places import COLUMNS


def side_by_side(part: tuple[Region, ...], axis: int, at: int, size: int) -> list[Region]:
    """The regions of an operand in the whole that it becomes a part of."""
    if all(region.axis == axis for region in part):
        return [replace(region, start=region.start + at, stop=region.stop + at) for region in part]
    region = part[0] if len(part) == 1 and part[0].axis is None else WHOLE
    return [replace(region, axis=axis, start=at, stop=at + size)]


def merged(regions: list[Region]) -> list[Region]:
    """Neighbouring values as one, and halves of boxes two by two; scores that are made apart are judged apart.

    Four probabilities beside others may be a box whose corners are shares of the picture: in doubt they are values.
    """
    beside = sum(region.kind is OutputKind.SCORES for region in regions) > 1
    found: list[Region] = []
    for region in regions:
        last = found[-1] if found else None
        if last is not None and last.stop == region.start and _same(last, region):
            found[-1] = replace(last, stop=region.stop)
        else:
            found.append(region)
    return [
        replace(region, kind=OutputKind.VALUES) if _is_doubtful(region, beside=beside) else region for region in found
    ]


def _is_doubtful(region: Region, *, beside: bool) -> bool:
    four = _width(region) == COLUMNS
    return (region.kind is OutputKind.BOXES and not four) or (region.kind is OutputKind.SCORES and four and beside)


def _same(a: Region, b: Region) -> bool:
    halves = a.kind is OutputKind.BOXES and _width(a) < COLUMNS
    return (halves or a.kind is OutputKind.VALUES) and replace(a, start=0, stop=0) == replace(b, start=0, stop=0)


def _width(region: Region) -> int:
    return region.stop - region.start
