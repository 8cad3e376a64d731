"""On which side of the chip each refused operator goes: behind it, or in front of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dlpuconv.division.flow import NEVER, SINK, SOURCE, Flow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from dlpuconv.division.outline import Outline


def choose_front(outline: Outline, refused: Collection[int]) -> set[int]:
    """The refused operators that go in front of the chip, with all that they depend on.

    The others go behind it, with all that depends on them, so that the chip keeps the most multiply-accumulates, then
    the most operators. It keeps an operator if all refused ones in front of that go in front of the chip, and all
    behind it go behind. That is a minimum cut, whose sink's side is what goes in front.
    """
    above = _refused_among(range(len(outline.operators)), outline.before, refused)
    below = _refused_among(reversed(range(len(outline.operators))), outline.behind, refused)
    more = len(outline.operators) + 1
    alike: Counter[tuple[int, int]] = Counter()  # operators with the same refused ones in front and behind
    for index, operator in enumerate(outline.operators):
        if index not in refused:
            alike[above[index], below[index]] += operator.macs * more + 1
    flow = Flow()
    for (fronts, tails), weight in alike.items():
        if tails:
            flow.pipe(SOURCE, (fronts, tails, "behind"), weight)
        if fronts:
            flow.pipe((fronts, tails, "in front"), SINK, weight)
        for one in _bits(tails):
            flow.pipe((fronts, tails, "behind"), one, NEVER)
        for one in _bits(fronts):
            flow.pipe(one, (fronts, tails, "in front"), NEVER)
    for index in refused:
        for later in _bits(below[index]):
            flow.pipe(index, later, NEVER)
    return outline.with_ancestors(set(refused) & flow.sink_side())


def _refused_among(order: Iterable[int], towards: Sequence[frozenset[int]], refused: Collection[int]) -> dict[int, int]:
    """By operator, the refused ones that it reaches, as bits; the order has each behind those that it reaches."""
    found: dict[int, int] = {}
    for index in order:
        bits = 0
        for other in towards[index]:
            bits |= found[other] | (1 << other if other in refused else 0)
        found[index] = bits
    return found


def _bits(number: int) -> Iterator[int]:
    while number:
        yield (lowest := number & -number).bit_length() - 1
        number ^= lowest
