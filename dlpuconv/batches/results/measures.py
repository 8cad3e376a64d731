"""What two records of a job are compared by: each measure with its word, its unit and its good direction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.batches.record import JobRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One number of a record.

    Attributes:
        word: names it in `--fail-on`.
        title: heads its column.
        of: takes it from a record; None where it was not measured.
        rises: whether more is better.
        shares: whether a loss may be given as a share of what was.
        tells: whether another value makes a job better or worse; time tells of the machine as well.
    """

    word: str
    title: str
    of: Callable[[JobRecord], float | None]
    rises: bool
    shares: bool = True
    tells: bool = True

    def loss(self, before: JobRecord, after: JobRecord) -> float | None:
        """How much worse it is, in its own unit; negative where it is better, None where there is nothing to compare.

        What was measured and is not any more is as bad as can be.
        """
        old, new = self.of(before), self.of(after)
        if old is None or math.isnan(old):
            return None
        if new is None or math.isnan(new):
            return math.inf
        if old == new:  # infinities too
            return 0.0
        return old - new if self.rises else new - old


DROP = Measure(word="drop", title="metric", of=lambda record: record.metric, rises=True)
SQNR = Measure(word="sqnr", title="SQNR", of=lambda record: record.sqnr_db, rises=True, shares=False)
SIZE = Measure(word="size", title="size", of=lambda record: record.artifact_size, rises=False)
TIME = Measure(word="time", title="seconds", of=lambda record: record.circumstances.seconds, rises=False, tells=False)
MEASURES = (DROP, SQNR, SIZE, TIME)
"""The most important first."""
