"""The order of jobs: those of a model near one another, so that what they share is at hand, but not side by side.

Side by side, all would wait for the one that makes what they share. So as many models take turns as jobs run at a time.
"""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpuconv.batches.identity import Identified


def ordered(jobs: Iterable[Identified], slots: int) -> Iterator[Identified]:
    """With two slots `a1 a2 b1 b2 c1` become `a1 b1 a2 b2 c1`.

    Args:
        jobs: in the order that they are asked.
        slots: jobs that run at the same time.
    """
    waiting: dict[str, list[Identified]] = {}
    for each in jobs:
        waiting.setdefault(each.job.model, []).append(each)
    for groups in _some(list(waiting.values()), max(slots, 1)):
        yield from (each for each in chain.from_iterable(zip_longest(*groups)) if each is not None)


def _some(groups: list[list[Identified]], count: int) -> Iterator[list[list[Identified]]]:
    for start in range(0, len(groups), count):
        yield groups[start : start + count]
