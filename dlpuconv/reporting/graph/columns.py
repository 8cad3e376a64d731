"""Where points are across: each as near to those that it is joined with as its neighbours in the row allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.reporting.graph.layers import Rows

_SWEEPS = 16
_BEND, _NODE, _END = 8.0, 1.0, 0.05
"""How much a point insists on its place, and draws others to it: a bend much, so that long edges become straight lines;
a node that reads nothing, or that nobody reads, little, so that constants do not push what reads them aside."""


def columns(rows: Sequence[Sequence[int]], given: Rows, count: int, width: float, lane: float) -> list[float]:
    """The middle of each point, from the left.

    Args:
        rows: each from left to right.
        given: what they are joined with.
        count: of nodes; points of higher numbers are bends.
        width: that a node takes, with the space around it.
        lane: that a bend takes.
    """
    sizes = [width if point < count else lane for point in range(len(given.above))]
    pulls = [_pull(point, given, count) for point in range(len(sizes))]
    found = [0.0] * len(sizes)
    for row in rows:
        _place(row, [0.0] * len(row), sizes, pulls, found)
    for sweep in range(_SWEEPS):
        joined = given.above if sweep % 2 == 0 else given.below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            _place(row, [_wanted(point, joined[point], pulls, found) for point in row], sizes, pulls, found)
    left = min((found[point] - sizes[point] / 2 for point in range(len(sizes))), default=0.0)
    return [x - left for x in found]


def _pull(point: int, given: Rows, count: int) -> float:
    if point >= count:
        return _BEND
    return _NODE if given.above[point] and given.below[point] else _END


def _wanted(point: int, joined: Sequence[int], pulls: Sequence[float], found: Sequence[float]) -> float:
    if not joined:
        return found[point]
    return sum(pulls[other] * found[other] for other in joined) / sum(pulls[other] for other in joined)


def _place(
    row: Sequence[int], wanted: Sequence[float], sizes: Sequence[float], pulls: Sequence[float], found: list[float]
) -> None:
    """The places nearest to the wanted ones, by weighted least squares, that leave everybody room.

    Less the room that all to the left take, places may only grow: that is isotonic regression, solved by pooling
    adjacent violators.
    """
    rooms, room = [], 0.0
    for at, point in enumerate(row):
        room += (sizes[row[at - 1]] + sizes[point]) / 2 if at else 0.0
        rooms.append(room)
    pools: list[tuple[float, float, int]] = []  # sum of weights, mean, how many
    for at, point in enumerate(row):
        weight, mean, size = pulls[point], wanted[at] - rooms[at], 1
        while pools and pools[-1][1] > mean:
            other, before, members = pools.pop()
            mean = (weight * mean + other * before) / (weight + other)
            weight, size = weight + other, size + members
        pools.append((weight, mean, size))
    means = (mean for _, mean, size in pools for _ in range(size))
    for point, mean, taken in zip(row, means, rooms, strict=True):
        found[point] = mean + taken
