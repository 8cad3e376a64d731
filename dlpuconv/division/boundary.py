"""Where a part of a network ends, at the fewest bytes across: minimum cuts over values, each counted once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dlpuconv.division.flow import NEVER, SINK, SOURCE, Flow

if TYPE_CHECKING:
    from collections.abc import Hashable
    from collections.abc import Set as AbstractSet

    from dlpuconv.division.outline import Outline

_NOBODY: Final = frozenset[int]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """What is given of one.

    Attributes:
        outline: of the network.
        before: operators before it; a value of theirs costs what it holds where one behind the boundary reads it.
        behind: operators behind it.
        free: those that may be on either side, with those behind them.
        told: values that are read behind the boundary by the user.
    """

    outline: Outline
    before: AbstractSet[int]
    behind: AbstractSet[int]
    free: set[int]
    told: AbstractSet[str] = frozenset[str]()

    def latest(self) -> set[int]:
        """The free operators that go behind the cheapest boundary; of equally cheap ones, the fewest."""
        return self.free & self._flow().sink_side()

    def earliest(self) -> set[int]:
        """The free operators that go before the cheapest boundary; of equally cheap ones, the fewest."""
        return self.free & self._flow().source_side()

    def _flow(self) -> Flow:
        """Pipes from operators through what they make to operators that read it."""
        flow = Flow()
        for index in self.free:
            for maker in self.outline.before[index] & self.free:
                flow.pipe(index, maker, NEVER)  # what depends on one behind is behind
        for index in (*self.before, *self.free):
            for name in self.outline.operators[index].makes:
                readers = self.outline.readers.get(name, _NOBODY)
                ends: list[Hashable] = [*(readers & self.free)]
                if readers & self.behind or name in self.told:
                    ends.append(SINK)
                if ends:
                    flow.pipe(SOURCE if index in self.before else index, name, self._price(name))
                for end in ends:
                    flow.pipe(name, end, NEVER)
        return flow

    def cost(self, moved: AbstractSet[int]) -> tuple[int, int]:
        """Elements that cross where these free operators go behind, and how many operators are there."""
        behind = self.behind | moved
        crossing = sum(
            self._price(name)
            for index in (self.before | self.free) - moved
            for name in self.outline.operators[index].makes
            if name in self.told or self.outline.readers.get(name, _NOBODY) & behind
        )
        return crossing, len(behind)

    def with_before(self, index: int) -> Boundary:
        """The boundary moved so that this free operator lies before it."""
        above = self.outline.with_ancestors([index]) & self.free
        return replace(self, before=self.before | above, free=self.free - above)

    def with_behind(self, index: int) -> Boundary:
        """The boundary moved so that this free operator lies behind it."""
        below = self.outline.with_descendants([index]) & self.free
        return replace(self, behind=self.behind | below, free=self.free - below)

    def _price(self, name: str) -> int:
        return self.outline.elements.get(name, NEVER)
