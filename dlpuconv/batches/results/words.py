"""Figures of records as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.batches.results.merit import Standing, drop, standing
from dlpuconv.inspection.describe import size_text
from dlpuconv.placement.forecast_text import plural

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.batches.record import JobRecord


def metric_text(record: JobRecord) -> str:
    """`0.801 (-0.003)`: the file's, and what it lacks of the source's."""
    if record.metric is None:
        return ""
    lost = drop(record)
    return f"{record.metric:.4g}" if lost is None else f"{record.metric:.4g} ({-lost:+.2g})"


def sqnr_text(record: JobRecord) -> str:
    """The signal-to-noise ratio, in dB."""
    return "" if record.sqnr_db is None else f"{record.sqnr_db:.1f} dB"


def bytes_text(record: JobRecord) -> str:
    """The size of the artifact."""
    return "" if record.artifact_size is None else size_text(record.artifact_size)


def seconds_text(record: JobRecord) -> str:
    """Wall time."""
    return f"{record.circumstances.seconds:.1f} s"


def tally(records: Iterable[JobRecord]) -> str:
    """`84 jobs: 80 pass, 3 fail, 1 crashed`."""
    standings = [standing(record) for record in records]
    found = [(standings.count(each), each.value) for each in reversed(Standing) if each in standings]
    jobs = plural(len(standings), "job")
    return f"{jobs}: {', '.join(f'{count} {word}' for count, word in found)}" if found else jobs
