"""Records -> the page of the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from dlpuconv import __version__
from dlpuconv.batches.results.columns import further_axes
from dlpuconv.batches.results.merit import Standing, by_need, drop, reason, standing
from dlpuconv.batches.results.words import tally
from dlpuconv.batches.results.worth import Worth, worth_of
from dlpuconv.language.brief import brief
from dlpuconv.placement.forecast_text import plural
from dlpuconv.reporting.batch import BatchPage, BatchRow, Figure, Sighting, WordColumn, draw_scatter
from dlpuconv.reporting.page import Fact
from dlpuconv.reporting.wording import MINUS, decibels, number, quantity, short, size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.reporting.batch import Scatter

_TONES = {Standing.PASS: "good", Standing.WARN: "fair"}
_COSTS: tuple[tuple[str, Callable[[JobRecord], int | None], Callable[[int], str]], ...] = (
    ("MACs per inference", lambda record: record.macs, quantity),
    ("size of the file", lambda record: record.artifact_size, size),
)


def make_summary(records: Sequence[JobRecord], title: str, reports: Mapping[str, str]) -> BatchPage:
    """All of the page.

    Args:
        records: of the batch.
        title: of the batch.
        reports: relative paths of jobs' own reports, by name; jobs without one are missing.
    """
    ordered = by_need(records)
    anchors = {record.name: f"job-{at}" for at, record in enumerate(ordered)}
    axes = further_axes(ordered)
    words = [(_model(record), record.target, *(record.axes.get(axis, "") for axis in axes)) for record in ordered]
    figures = _figures(ordered)
    standings = {standing(record) for record in ordered}
    return BatchPage(
        title=title,
        passed=all(each.good for each in standings),
        tally=tally(ordered),
        facts=_facts(ordered),
        choices=tuple(_choice(title, at, words) for at, title in enumerate(("Model", "Target", *axes))),
        standings=tuple(each.value for each in Standing if each in standings),
        figures=tuple(figures),
        scatters=_scatters(ordered, anchors),
        rows=tuple(
            BatchRow(
                anchor=anchors[record.name],
                name=short(record.name),
                report=f"./{quote(reports[record.name])}" if record.name in reports else "",
                words=row,
                standing=standing(record).value,
                tone=_TONES.get(standing(record), "bad"),
                reasons=_reasons(record),
                figures=tuple(figure(record) for figure in figures.values()),
                rank=standing(record).rank,
            )
            for record, row in zip(ordered, words, strict=True)
        ),
        version=__version__,
    )


def _model(record: JobRecord) -> str:
    return record.axes.get("model") or record.model


def _choice(title: str, at: int, words: Iterable[Sequence[str]]) -> WordColumn:
    return WordColumn(title, tuple(sorted({row[at] for row in words} - {""})))


def _reasons(record: JobRecord) -> tuple[str, ...]:
    told = (record.error,) if record.error else record.reasons
    return tuple(map(brief, told)) or (() if standing(record).good else (reason(record) or "nothing tells why",))


def _facts(records: Sequence[JobRecord]) -> tuple[Fact, ...]:
    models, targets = len({record.model for record in records}), len({record.target for record in records})
    seconds = sum(record.circumstances.seconds for record in records)
    hosts = len({record.circumstances.host for record in records})
    return (
        Fact("jobs", str(len(records)), f"{plural(models, 'model')}, {plural(targets, 'target')}"),
        Fact("without a file", str(sum(standing(record).rank == 0 for record in records))),
        Fact("files", size(sum(record.artifact_size or 0 for record in records)), "together"),
        Fact("work", f"{seconds / 60:.1f} min", f"sum of all jobs, on {plural(hosts, 'machine')}"),
    )


def _figures(records: Sequence[JobRecord]) -> dict[str, Callable[[JobRecord], Figure]]:
    """Columns of figures; those of a metric only where there is one."""
    scored = any(record.metric is not None for record in records)
    metric: dict[str, Callable[[JobRecord], Figure]] = {
        "Metric": lambda record: _figure(record.metric, lambda value: number(value, 4)),
        "Less float": lambda record: _figure(
            None if (lost := drop(record)) is None else -lost, lambda value: f"{value:+.2g}".replace("-", MINUS)
        ),
    }
    return {
        **(metric if scored else {}),
        "SQNR, dB": lambda record: _figure(record.sqnr_db, decibels),
        "Size": lambda record: _figure(record.artifact_size, lambda value: size(int(value))),
        "MACs": lambda record: _figure(record.macs, lambda value: quantity(int(value))),
        "Seconds": lambda record: _figure(record.circumstances.seconds, lambda value: f"{value:.1f}"),
    }


def _figure(value: float | None, text: Callable[[float], str]) -> Figure:
    return Figure("", "") if value is None else Figure(text(value), repr(value))


def _scatters(records: Sequence[JobRecord], anchors: Mapping[str, str]) -> tuple[Scatter, ...]:
    worth = worth_of(records)
    drawn = (
        draw_scatter(
            [
                _sighting(record, value, cost, anchors[record.name], worth, text)
                for record in records
                if (value := worth.of(record)) is not None and (cost := cost_of(record))
            ],
            label,
            worth.label,
            text,
        )
        for label, cost_of, text in _COSTS
    )
    return tuple(plot for plot in drawn if plot is not None)


def _sighting(
    record: JobRecord, value: float, cost: int, anchor: str, worth: Worth, text: Callable[[int], str]
) -> Sighting:
    return Sighting(
        cost=cost,
        worth=value,
        anchor=anchor,
        name=short(record.name),
        told=f"{worth.label} {number(value, 4)}, {text(cost)}",
        good=standing(record).good,
    )
