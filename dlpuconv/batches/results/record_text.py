"""One record whole, jobs that are to run, and how far a batch is, for the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.batches.results.merit import by_need
from dlpuconv.batches.results.table import reason_lines, standing_text
from dlpuconv.batches.results.words import bytes_text, metric_text, seconds_text, sqnr_text, tally
from dlpuconv.files.urls import shown
from dlpuconv.inspection.describe import size_text
from dlpuconv.language.brief import listed
from dlpuconv.language.printable import printable
from dlpuconv.placement.forecast_text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from dlpuconv.batches.job import BatchJob
    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.results.progress import BatchProgress


def record_text(record: JobRecord) -> Iterator[RenderableType]:
    """Everything in a record, as text and tables."""
    told = printable(record)
    yield Text.assemble((told.name, "bold"), "  ", standing_text(told))
    for sentence in (told.error,) if told.error else told.reasons:
        yield Text(sentence)
    yield _pairs(_facts(told))
    for title, pairs in (("options", _plain(told.options)), ("versions", told.versions)):
        if pairs:
            yield Text(f"\n{title}", "bold")
            yield _pairs(pairs)
    if told.files:
        yield Text("\nfiles", "bold")
        yield _pairs({name: size_text(stored.size) for name, stored in told.files.items()})


def jobs_text(jobs: Sequence[BatchJob]) -> Iterator[RenderableType]:
    """A row a job."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("job", "model", "target", "options"):
        table.add_column(title, overflow="fold")
    for job in printable(tuple(jobs)):
        options = ", ".join(f"{name}={value}" for name, value in _plain(job.options).items())
        table.add_row(Text(job.name), Text(shown(job.model)), Text(job.target), Text(options))
    yield table
    yield Text(plural(len(jobs), "job"))


def progress_text(found: BatchProgress) -> Iterator[RenderableType]:
    """Why jobs failed, what is still to do, and how many jobs are what."""
    yield from reason_lines(by_need(printable(found.records)))
    if found.to_do:
        names = listed(printable([job.name for job in found.to_do]))
        yield Text.assemble(("to do, or being done: ", "bold"), names)
    yield Text(f"{tally(found.records)}; {len(found.to_do)} to do")


def _facts(record: JobRecord) -> dict[str, str]:
    at = record.circumstances
    return {
        "key": record.key,
        "model": record.model,
        "target": record.target,
        **{axis: value for axis, value in record.axes.items() if axis not in ("model", "target")},
        "metric": metric_text(record),
        "SQNR": sqnr_text(record),
        "size": bytes_text(record),
        "MACs": "" if record.macs is None else f"{record.macs:,}",
        "error": _error(record),
        "exit status": str(record.status),
        "time": seconds_text(record),
        "memory": size_text(at.peak_memory) if at.peak_memory else "",
        "attempts": str(at.attempts),
        "machine": at.host,
    }


def _error(record: JobRecord) -> str:
    return f"{record.error_kind} [{record.error_id}]" if record.error_id else record.error_kind


def _plain(options: Mapping[str, object]) -> dict[str, str]:
    """Values as they are typed."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in options.items()}


def _pairs(pairs: Mapping[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        if value:
            table.add_row(Text(name), Text(value))
    return table
