"""What is told of a division: one line for each part that the camera's CPU runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dlpuconv.language.brief import more

if TYPE_CHECKING:
    from dlpuconv.division.division import Division, Rest
    from dlpuconv.manifest import DivisionRecord, RestRecord

_UNUSUAL = re.compile(r"[^\w.:-]", re.ASCII)  # a stranger's model names its operators as it likes
_KILOBYTE, _MEGABYTE = 1e3, 1e6


def told_of(division: Division | DivisionRecord | None) -> tuple[str, ...]:
    """A line for each part that the CPU runs, in running order."""
    return tuple(told_of_rest(division, part, rest) for part, rest in division.rests.items()) if division else ()


def told_of_rest(division: Division | DivisionRecord, part: str, rest: Rest | RestRecord) -> str:
    """`tail: NonMaxSuppression and 3 more run on the CPU (0.2 % of the MACs; 67 kB cross)`.

    Args:
        division: that the part belongs to.
        part: `front` or `tail`.
        rest: the part.
    """
    share = f"{100 * rest.macs / division.macs:.2g} %" if rest.macs and division.macs else "none"
    if rest.uncounted:
        share = f"at least {share}"
    crossing = size_in_words(division.crossing if rest is division.tail else division.entering)
    verb = "runs" if len(rest.operators) == 1 else "run"
    return f"{part}: {_operators(division, rest)} {verb} on the CPU ({share} of the MACs; {crossing} cross)"


def _operators(division: Division | DivisionRecord, rest: Rest | RestRecord) -> str:
    """The first of those that were refused, and how many others there are."""
    kinds = [_UNUSUAL.sub("?", operator.partition(" ")[0]) for operator in rest.operators]
    refused = (kind for kind in kinds if any(kind in reason for reason in division.reasons))
    first = next(refused, kinds[0] if kinds else "nothing")
    return f"{first} {more(len(kinds) - 1)}".rstrip()


def size_in_words(size: int) -> str:
    """Bytes, kB or MB."""
    if size < _KILOBYTE:
        return f"{size} bytes"
    return f"{size / _KILOBYTE:.3g} kB" if size < _MEGABYTE else f"{size / _MEGABYTE:.3g} MB"
