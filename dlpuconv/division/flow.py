"""Minimum cuts by maximum flows, with Dinic's algorithm: shortest ways first, all of one length together."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

SOURCE: Final = ("source",)
SINK: Final = ("sink",)
NEVER: Final = 1 << 256
"""Capacity of a pipe that no cut goes through."""


class Flow:
    """Pipes of whole-numbered capacity between nodes, from `SOURCE` to `SINK`."""

    def __init__(self) -> None:
        self._left: dict[Hashable, dict[Hashable, int]] = defaultdict(dict)

    def pipe(self, start: Hashable, end: Hashable, capacity: int) -> None:
        """Lay one more pipe; several between two nodes act as one."""
        self._left[start][end] = self._left[start].get(end, 0) + capacity
        self._left[end].setdefault(start, 0)

    def sink_side(self) -> set[Hashable]:
        """What lies behind the cheapest cut; of equally cheap ones, that with the fewest nodes behind it."""
        self._fill()
        return self._reached(SINK, lambda node: [start for start in self._left[node] if self._left[start][node] > 0])

    def source_side(self) -> set[Hashable]:
        """What lies before the cheapest cut; of equally cheap ones, that with the fewest nodes before it."""
        self._fill()
        return self._reached(SOURCE, lambda node: [end for end, left in self._left[node].items() if left > 0])

    def _fill(self) -> None:
        """Send as much as goes through."""
        while ways := self._ways():
            while path := self._path(ways):
                self._push(path)

    @staticmethod
    def _reached(start: Hashable, step: Callable[[Hashable], list[Hashable]]) -> set[Hashable]:
        found = {start}
        waiting = [start]
        while waiting:
            fresh = [node for node in step(waiting.pop()) if node not in found]
            found.update(fresh)
            waiting.extend(fresh)
        return found

    def _ways(self) -> dict[Hashable, list[Hashable]]:
        """From each node, those one step further from the source; nothing where the sink cannot be reached."""
        depth: dict[Hashable, int] = {SOURCE: 0}
        for node in (queue := list(depth)):
            fresh = [end for end, left in self._left[node].items() if left > 0 and end not in depth]
            depth |= dict.fromkeys(fresh, depth[node] + 1)
            queue.extend(fresh)
        if SINK not in depth:
            return {}
        return {node: [e for e in self._left[node] if depth.get(e) == step + 1] for node, step in depth.items()}

    def _path(self, ways: dict[Hashable, list[Hashable]]) -> list[Hashable]:
        """One way from the source to the sink, or nothing; steps that lead nowhere are forgotten."""
        path: list[Hashable] = [SOURCE]
        while path and path[-1] != SINK:
            ends = ways[path[-1]]
            if not ends:
                path.pop()
                if path:
                    ways[path[-1]].pop()
            elif self._left[path[-1]][ends[-1]] > 0:
                path.append(ends[-1])
            else:
                ends.pop()
        return path

    def _push(self, path: list[Hashable]) -> None:
        """Send as much along a way as it takes."""
        steps = list(pairwise(path))
        amount = min(self._left[start][end] for start, end in steps)
        for start, end in steps:
            self._left[start][end] -= amount
            self._left[end][start] += amount
