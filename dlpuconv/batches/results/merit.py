"""What a record is worth: its standing in a word, and the order in which people want to read records."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.batches.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.batches.record import JobRecord


class Standing(StrEnum):
    """A record in a word, the worst first: how the job ended or, where there is a file, the file's verdict."""

    CRASHED = Outcome.CRASHED.value
    OUT_OF_MEMORY = Outcome.OUT_OF_MEMORY.value
    TIMED_OUT = Outcome.TIMED_OUT.value
    REFUSED = Outcome.REFUSED.value
    FAIL = "fail"
    WARN = "warn"
    PASS = "pass"

    @property
    def rank(self) -> int:
        """0 for the worst; all without a file are equally bad."""
        return {Standing.PASS: 3, Standing.WARN: 2, Standing.FAIL: 1}.get(self, 0)

    @property
    def good(self) -> bool:
        """Whether there is a file that may be used."""
        return self.rank > Standing.FAIL.rank


def standing(record: JobRecord) -> Standing:
    """Standing of one record; a job that converted, but whose verdict is unknown here, counts as failed."""
    if record.outcome is not Outcome.CONVERTED:
        return Standing(record.outcome.value)
    return Standing(record.verdict) if record.verdict in ("pass", "warn") else Standing.FAIL


def drop(record: JobRecord) -> float | None:
    """How much lower the file's metric is than the source model's; None where nothing was measured."""
    if record.metric is None or record.float_metric is None:
        return None
    return record.float_metric - record.metric


def by_need(records: Iterable[JobRecord]) -> list[JobRecord]:
    """What needs somebody's eyes first: the worst standing, then the greatest drop, then the most noise."""
    return sorted(records, key=_need)


def _need(record: JobRecord) -> tuple[int, float, float, str]:
    return (
        standing(record).rank,
        _ordered(None if (lost := drop(record)) is None else -lost),
        _ordered(record.sqnr_db),
        record.name,
    )


def _ordered(value: float | None) -> float:
    """What was not measured comes last."""
    return math.inf if value is None or math.isnan(value) else value


def latest(records: Iterable[JobRecord]) -> dict[frozenset[tuple[str, str]], JobRecord]:
    """Of records of the same place in the matrix, which a store has where a model or a version changed, the youngest.

    Returns:
        Records by what identifies a job whatever its key: its axes, or its name where it has none.
    """
    found: dict[frozenset[tuple[str, str]], JobRecord] = {}
    for record in sorted(records, key=lambda each: (each.circumstances.started, each.key)):
        found[place(record.name, record.axes)] = record
    return found


def place(name: str, axes: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """The place of a job in its matrix."""
    return frozenset(axes.items()) or frozenset((("name", name),))


def reason(record: JobRecord) -> str:
    """Why it is not good, in a line; empty where it is."""
    return record.error or "; ".join(record.reasons)
