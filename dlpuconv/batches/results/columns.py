"""Records as a table for other programs: one row a job, one column a fact, the same in every form."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.batches.results.merit import by_need, drop, reason, standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlpuconv.batches.record import JobRecord

type Cell = str | int | float | None

_NAMING_AXES = ("model", "target")


@dataclass(frozen=True, slots=True)
class Column:
    """One fact of every record.

    Attributes:
        title: heads it.
        kind: of its values, of which each may be missing.
        of: takes it from a record.
    """

    title: str
    kind: type[str | int | float]
    of: Callable[[JobRecord], Cell]


_FIRST = (
    Column("name", str, lambda record: record.name),
    Column("model", str, lambda record: record.model),
    Column("target", str, lambda record: record.target),
)
_REST = (
    Column("standing", str, lambda record: standing(record).value),
    Column("sqnr_db", float, lambda record: record.sqnr_db),
    Column("metric", float, lambda record: record.metric),
    Column("float_metric", float, lambda record: record.float_metric),
    Column("drop", float, drop),
    Column("macs", int, lambda record: record.macs),
    Column("artifact_size", int, lambda record: record.artifact_size),
    Column("seconds", float, lambda record: record.circumstances.seconds),
    Column("peak_memory", int, lambda record: record.circumstances.peak_memory),
    Column("attempts", int, lambda record: record.circumstances.attempts),
    Column("host", str, lambda record: record.circumstances.host),
    Column("reason", str, reason),
    Column("key", str, lambda record: record.key),
)


def columns(records: Iterable[JobRecord]) -> tuple[Column, ...]:
    """All columns: the axes that only this matrix has stand behind the target, as `axis.granularity`."""
    return (*_FIRST, *(_axis(name) for name in further_axes(records)), *_REST)


def further_axes(records: Iterable[JobRecord]) -> list[str]:
    """What a matrix varies beside model and target."""
    return sorted({name for record in records for name in record.axes} - set(_NAMING_AXES))


def rows(records: Iterable[JobRecord], shown: Iterable[Column]) -> list[list[Cell]]:
    """A row for each record, what needs eyes first."""
    listed = tuple(shown)
    return [[_cell(column.of(record)) for column in listed] for record in by_need(records)]


def _axis(name: str) -> Column:
    return Column(f"axis.{name}", str, lambda record: record.axes.get(name))


def _cell(value: Cell) -> Cell:
    return None if isinstance(value, float) and math.isnan(value) else value
