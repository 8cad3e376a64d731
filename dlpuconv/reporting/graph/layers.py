"""A directed graph in rows, after Sugiyama: every edge leads downwards, and long ones pass through each row between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    type Edge = tuple[int, int]

_MOST_BENDS = 12_000
"""Points that long edges pass through, of all together: beyond them, the longest edges are drawn straight."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Nodes and bends in rows.

    Attributes:
        rows: of each row its points; the nodes have the numbers that they came with, bends have higher ones.
        above: by point, the points that it is joined with in the row above.
        below: by point, those in the row below.
        chains: by edge, the points that it passes, both ends included.
        straight: edges that pass none: they lead upwards, or there are too many.
    """

    rows: tuple[tuple[int, ...], ...]
    above: tuple[tuple[int, ...], ...]
    below: tuple[tuple[int, ...], ...]
    chains: dict[Edge, tuple[int, ...]]
    straight: tuple[Edge, ...]


def in_rows(count: int, edges: Iterable[Edge]) -> Rows:
    """Put nodes into rows, each below all that it reads.

    Args:
        count: of nodes.
        edges: from node to node; those that lead to a node of a lower number decide nothing.
    """
    given = list(dict.fromkeys(edges))
    downwards = [(start, end) for start, end in given if start < end]
    levels = _levels(count, downwards)
    rows: list[list[int]] = [[] for _ in range(max(levels, default=-1) + 1)]
    for node, level in enumerate(levels):
        rows[level].append(node)
    chains: dict[Edge, tuple[int, ...]] = {}
    points, bends = count, 0
    for start, end in sorted(downwards, key=lambda edge: levels[edge[1]] - levels[edge[0]]):
        between = range(levels[start] + 1, levels[end])
        bends += len(between)
        if bends > _MOST_BENDS:
            break
        chains[start, end] = (start, *range(points, points + len(between)), end)
        for level, point in zip(between, range(points, points + len(between)), strict=True):
            rows[level].append(point)
        points += len(between)
    above: list[list[int]] = [[] for _ in range(points)]
    below: list[list[int]] = [[] for _ in range(points)]
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            below[upper].append(lower)
            above[lower].append(upper)
    straight = tuple(edge for edge in given if edge not in chains)
    return Rows(_frozen(rows), _frozen(above), _frozen(below), chains, straight)


def _levels(count: int, edges: Sequence[Edge]) -> list[int]:
    """The row of each node: one more than the lowest that it reads; what reads nothing is as low as it can be."""
    reads: list[list[int]] = [[] for _ in range(count)]
    read_by: list[list[int]] = [[] for _ in range(count)]
    for start, end in edges:
        reads[end].append(start)
        read_by[start].append(end)
    levels = [0] * count
    for node in range(count):
        levels[node] = max((levels[other] + 1 for other in reads[node]), default=0)
    for node in reversed(range(count)):
        if read_by[node] and not reads[node]:
            levels[node] = min(levels[other] for other in read_by[node]) - 1
    return levels


def _frozen(lists: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, lists))
