"""Which operators run in front of the chip, on it, and behind it."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final

from dlpuconv.division.boundary import Boundary
from dlpuconv.division.sides import choose_front

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from dlpuconv.division.outline import Outline

LOSS: Final = 20
"""The chip keeps all but one in so many of the multiply-accumulates that have a form on it."""
_TRIES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The operators of an outline, each in one part."""

    front: frozenset[int]
    chip: frozenset[int]
    tail: frozenset[int]


def find_parts(outline: Outline, refused: AbstractSet[int], *, fronts: bool = True) -> Parts:
    """The parts at which the chip keeps the most work, and the fewest bytes cross.

    Args:
        outline: of the network.
        refused: operators that have no form on the chip.
        fronts: something may go in front of it.
    """
    everything = set(range(len(outline.operators)))
    front = choose_front(outline, refused) if fronts else set()
    tail = outline.with_descendants(refused - front)
    if front:
        front = _widen_front(outline, front, everything - tail)
    tail = _widen_tail(outline, everything - front - tail, tail)
    return _parts(outline, front, tail)


def parts_before(outline: Outline, values: Iterable[str], refused: AbstractSet[int]) -> Parts:
    """The parts where the chip ends at these values: what is refused goes in front of it.

    Args:
        outline: of the network.
        values: that operators make.
        refused: operators that have no form on the chip.
    """
    kept = outline.with_ancestors(outline.maker[name] for name in values)
    front = outline.with_ancestors(refused & kept)
    return _parts(
        outline, _widen_front(outline, front, kept) if front else front, set(range(len(outline.operators))) - kept
    )


def _parts(outline: Outline, front: set[int], tail: set[int]) -> Parts:
    chip = set(range(len(outline.operators))) - front - tail
    return Parts(front=frozenset(front), chip=frozenset(chip), tail=frozenset(tail))


def _widen_front(outline: Outline, front: set[int], others: set[int]) -> set[int]:
    """The operators in front of the chip, at the fewest bytes into it; none with multiply-accumulates is added.

    Args:
        outline: of the network.
        front: those that must be there, with all that they depend on.
        others: those and the chip's.
    """
    while readers := _readers_of_others(outline, front, others - front):
        front = outline.with_ancestors(front | readers)
    free: set[int] = set()
    for index in sorted(others - front):
        if not outline.operators[index].macs and outline.before[index] <= front | free:
            free.add(index)
    free = outline.with_ancestors(outline.with_descendants(front) & free) - front
    boundary = Boundary(outline=outline, before=front, behind=others - front - free, free=free)
    return front | boundary.earliest()


def _widen_tail(outline: Outline, chip: set[int], tail: set[int]) -> set[int]:
    """The operators behind the chip, at the fewest bytes out of it while it keeps 95 % of its work.

    Branch and bound: the cheapest boundary of all; while that takes too much off the chip, the heaviest operator
    behind it has to stay on the chip, or has not.

    Args:
        outline: of the network.
        chip: operators that have a form on it, and depend on none behind it.
        tail: those behind it, with all that depends on them.
    """
    while makers := {maker for maker in chip - tail if _is_read_as_other(outline, maker, tail)}:
        tail = outline.with_descendants(tail | makers)
    chip = chip - tail
    allowed = outline.work(chip) // LOSS
    if not outline.work(chip):  # else all of it would go
        return tail

    def fits(behind: AbstractSet[int]) -> bool:
        return outline.work(behind - tail) <= allowed

    start = _tail_boundary(outline, chip, tail, allowed)
    best, least = tail, start.cost(set())
    moved = start.latest()
    waiting = [(start.cost(moved), 0, start, moved)]
    for number in range(_TRIES):
        if not waiting or waiting[0][0] >= least:
            break
        _, _, boundary, moved = heappop(waiting)
        if fits(boundary.behind | moved):
            return {*boundary.behind, *moved}
        heaviest = max(sorted(moved), key=lambda index: outline.operators[index].macs)
        for turn, child in enumerate((boundary.with_before(heaviest), boundary.with_behind(heaviest))):
            if fits(child.behind):
                moved = child.latest()
                cost = child.cost(moved)
                heappush(waiting, (cost, 2 * number + turn + 1, child, moved))
                if cost < least and fits(child.behind | moved):
                    best, least = {*child.behind, *moved}, cost
    return best


def _tail_boundary(outline: Outline, chip: set[int], tail: set[int], allowed: int) -> Boundary:
    """The boundary in front of a tail: all may go behind that does not take too much work along.

    The network's outputs count where the tail needs what they are made of: others are the chip's anyway.
    """
    again = {outline.operators[index].label for index in tail}  # of an operator in two, one may be there already
    above = {index for index in chip if outline.operators[index].label in again} | outline.with_ancestors(tail) & chip
    free = chip - _heavy(outline, chip, allowed)
    told = {name for name in outline.outputs if name in outline.elements and outline.maker[name] in above}
    return Boundary(outline=outline, before=chip - free, behind=tail, free=free, told=told)


def _heavy(outline: Outline, chip: set[int], allowed: int) -> set[int]:
    """The operators that the chip would lose too much work with."""
    working = [(1 << index, outline.operators[index].macs) for index in chip if outline.operators[index].macs]
    lost: dict[int, int] = {}
    heavy: set[int] = set()
    for index in sorted(chip, reverse=True):
        behind = outline.behind[index] & chip
        bits = 1 << index
        for other in behind:
            bits |= lost[other]
        lost[index] = bits
        if behind & heavy or sum(macs for bit, macs in working if bits & bit) > allowed:
            heavy.add(index)
    return heavy


def _is_read_as_other(outline: Outline, maker: int, readers: AbstractSet[int]) -> bool:
    """Whether these read a value of this operator that may not cross, such as whole numbers."""
    makes = outline.operators[maker].makes
    return any(name not in outline.elements and outline.readers.get(name, frozenset()) & readers for name in makes)


def _readers_of_others(outline: Outline, makers: AbstractSet[int], readers: AbstractSet[int]) -> set[int]:
    """The readers of values of the makers for which `outline.elements` has no number."""
    names = {name for index in makers for name in outline.operators[index].makes if name not in outline.elements}
    return {reader for name in names for reader in outline.readers.get(name, frozenset()) & readers}
