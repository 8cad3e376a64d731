"""A graph as a drawing: where each node is, and the path of each edge."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from dlpuconv.reporting.graph.columns import columns
from dlpuconv.reporting.graph.layers import in_rows
from dlpuconv.reporting.graph.order import ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dlpuconv.reporting.graph.layers import Edge

WIDTH, HEIGHT = 200, 56
"""The size of a node, in units of the drawing."""
_ACROSS, _DOWN, _LANE, _MARGIN = 24, 40, 14, 16


@dataclass(frozen=True, slots=True)
class Drawing:
    """Where everything is, in units of the drawing.

    Attributes:
        width: of all.
        height: of all.
        corners: of each node, the left and the upper edge.
        paths: of each edge, as SVG has it: from the middle of the lower edge of its start to the upper one of its end.
    """

    width: int
    height: int
    corners: tuple[tuple[int, int], ...]
    paths: dict[Edge, str]


def draw(count: int, edges: Iterable[Edge]) -> Drawing:
    """Draw a graph from the top to the bottom.

    Args:
        count: of nodes, which are numbered in an order that they may be computed in.
        edges: from node to node.
    """
    given = in_rows(count, edges)
    rows = ordered(given)
    across = [round(x) + _MARGIN for x in columns(rows, given, count, WIDTH + _ACROSS, _LANE)]
    down = [0] * len(across)
    for level, row in enumerate(rows):
        for point in row:
            down[point] = _MARGIN + level * (HEIGHT + _DOWN)
    paths = {edge: _path(chain, across, down) for edge, chain in given.chains.items()}
    paths |= {edge: _path(edge, across, down) for edge in given.straight}
    sides = [across[point] + (WIDTH // 2 if point < count else 0) for point in range(len(across))]
    return Drawing(
        width=max(sides, default=0) + _MARGIN + _ACROSS // 2,
        height=len(rows) * (HEIGHT + _DOWN) - _DOWN + 2 * _MARGIN if rows else 2 * _MARGIN,
        corners=tuple((across[node] - WIDTH // 2, down[node]) for node in range(count)),
        paths=paths,
    )


def _path(chain: Sequence[int], across: Sequence[int], down: Sequence[int]) -> str:
    """Curves between rows, straight lines past them."""
    parts = [f"M{across[chain[0]]} {down[chain[0]] + HEIGHT}"]
    for at, (upper, lower) in enumerate(pairwise(chain)):
        x, after, top = across[upper], across[lower], down[lower]
        middle = (down[upper] + HEIGHT + top) // 2
        parts.append(f"V{top}" if x == after else f"C{x} {middle} {after} {middle} {after} {top}")
        if at < len(chain) - 2:
            parts.append(f"V{top + HEIGHT}")
    return _joined(parts)


def _joined(parts: Sequence[str]) -> str:
    """The parts of a path as one; of lines that go straight down one after the other, only the last is kept."""
    kept = [part for part, after in zip(parts, [*parts[1:], ""], strict=True) if not (part[0] == after[:1] == "V")]
    return "".join(kept)
