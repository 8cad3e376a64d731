from __future__ import annotations

from itertools import chain, combinations
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.division.outline import Operation, Outline
from dlpuconv.division.parts import LOSS, find_parts

if TYPE_CHECKING:
    from collections.abc import Iterator


@st.composite
def outlines(draw: st.DrawFn) -> tuple[Outline, set[int]]:
    """Any eight operators, one or two of them refused, with and without work, and values that may not cross."""
    operators, elements = [], {}
    for index in range(draw(st.integers(3, 8))):
        known = ["x", *(f"v{k}" for k in range(index))]
        reads = draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True))
        macs = draw(st.sampled_from([0, 0, 1, 3, 5, 100]))
        operators.append(Operation(label=f"{index}", reads=tuple(reads), makes=(f"v{index}",), macs=macs))
        if draw(st.integers(0, 4)):
            elements[f"v{index}"] = draw(st.integers(1, 9))
    last = len(operators) - 1
    refused = draw(st.sets(st.integers(0, last), min_size=1, max_size=2))
    named = draw(st.sets(st.integers(0, last), max_size=2)) | {last}
    outputs = tuple(f"v{k}" for k in sorted(named))
    return Outline(operators=tuple(operators), outputs=outputs, elements=elements), refused


def tails(seen: Outline, least: set[int]) -> Iterator[set[int]]:
    """All sets of operators around these that hold what depends on them."""
    others = [index for index in range(len(seen.operators)) if index not in least]
    for more in chain.from_iterable(combinations(others, count) for count in range(len(others) + 1)):
        tail = {*least, *more}
        if seen.with_descendants(tail) == tail:
            yield tail


def crossing(seen: Outline, tail: set[int], told: set[str]) -> float:
    """Elements that cross where this is the tail; no end of them where a value may not cross."""
    total = 0.0
    for index, operator in enumerate(seen.operators):
        for name in operator.makes:
            if index not in tail and (name in told or any(name in seen.operators[reader].reads for reader in tail)):
                total += seen.elements.get(name, float("inf"))
    return total


@given(outlines())
@settings(max_examples=400, deadline=None)
def test_no_other_tail_of_which_the_chip_keeps_95_percent_crosses_in_fewer_bytes(
    case: tuple[Outline, set[int]],
) -> None:
    seen, refused = case
    found = find_parts(seen, refused, fronts=False)
    possible = [
        tail for tail in tails(seen, seen.with_descendants(refused)) if crossing(seen, tail, set()) < float("inf")
    ]
    least = min(possible, key=len)  # what must go, whole numbers included, is in each of them
    chip = set(range(len(seen.operators))) - least
    told = {n for n in seen.outputs if n in seen.elements and seen.maker[n] in seen.with_ancestors(least) & chip}
    if not seen.work(chip):
        assert found.tail == least
        return
    allowed = [tail for tail in possible if seen.work(tail - least) * LOSS <= seen.work(chip)]
    best = min((crossing(seen, tail, told), len(tail)) for tail in allowed)
    assert (crossing(seen, set(found.tail), told), len(found.tail)) == best


@given(outlines())
@settings(max_examples=200, deadline=None)
def test_no_other_choice_of_sides_leaves_the_chip_more_work_where_everything_may_cross(
    case: tuple[Outline, set[int]],
) -> None:
    seen, refused = case
    real = Outline(operators=seen.operators, outputs=seen.outputs, elements=dict.fromkeys(seen.maker, 1))
    parts = find_parts(real, refused)
    assert not parts.chip & refused
    assert real.with_ancestors(parts.front) == parts.front
    assert real.with_descendants(parts.tail) == parts.tail
    everything = range(len(real.operators))
    best = 0
    for fronts in chain.from_iterable(combinations(sorted(refused), count) for count in range(len(refused) + 1)):
        front = real.with_ancestors(fronts)
        tail = real.with_descendants(refused - front)
        best = max(best, real.work(set(everything) - front - tail))
    assert real.work(parts.chip) * LOSS >= best * (LOSS - 1)
