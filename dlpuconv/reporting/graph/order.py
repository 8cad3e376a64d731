"""The order of points within their rows, so that few edges cross: sweeps of barycentres, the best of which is kept."""

from __future__ import annotations

from bisect import bisect_right, insort
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.reporting.graph.layers import Rows

_SWEEPS = 8


def ordered(given: Rows) -> list[list[int]]:
    """Each row from left to right."""
    rows = [list(row) for row in given.rows]
    best, fewest = [list(row) for row in rows], _crossings(rows, given)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        _sweep(rows if downwards else rows[::-1], given.above if downwards else given.below)
        crossings = _crossings(rows, given)
        if crossings < fewest:
            best, fewest = [list(row) for row in rows], crossings
    return best


def _sweep(rows: Sequence[list[int]], joined: Sequence[Sequence[int]]) -> None:
    """Sort each row by where the points are that its own are joined with in the row before."""
    places: dict[int, int] = {}
    for row in rows:
        wanted = {
            point: sum(places[other] for other in joined[point]) / len(joined[point]) if joined[point] else float(at)
            for at, point in enumerate(row)
        }
        row.sort(key=wanted.__getitem__)
        places = {point: at for at, point in enumerate(row)}


def _crossings(rows: Sequence[Sequence[int]], given: Rows) -> int:
    """How often edges cross between neighbouring rows."""
    crossings = 0
    for row, following in pairwise(rows):
        places = {point: at for at, point in enumerate(following)}
        passed: list[int] = []
        for point in row:
            ends = sorted(places[other] for other in given.below[point])
            crossings += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return crossings
