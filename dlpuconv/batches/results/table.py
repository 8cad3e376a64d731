"""Records, and two batches side by side, for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.batches.results.columns import further_axes
from dlpuconv.batches.results.measures import DROP, MEASURES, SIZE, SQNR, TIME
from dlpuconv.batches.results.merit import Standing, by_need, reason, standing
from dlpuconv.batches.results.words import bytes_text, metric_text, seconds_text, sqnr_text, tally
from dlpuconv.inspection.describe import size_text
from dlpuconv.language.brief import brief, listed
from dlpuconv.language.printable import printable
from dlpuconv.placement.forecast_text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.results.diff import Change, Difference
    from dlpuconv.batches.results.measures import Measure

_STYLES = {Standing.PASS: "green", Standing.WARN: "yellow"}
_FAILED = "bold red"
_ARROW = "→"


def records_text(records: Sequence[JobRecord]) -> Iterator[RenderableType]:
    """A row a job, what needs eyes first; then why those that are not good are not, and how many are what."""
    if records:
        yield _table(by_need(printable(records)))
    yield from reason_lines(by_need(printable(records)))
    yield Text(tally(records))


def reason_lines(records: Sequence[JobRecord]) -> Iterator[Text]:
    """Why those that are not good are not."""
    for record in records:
        if not standing(record).good:
            yield Text.assemble((f"{record.name}: ", _FAILED), brief(reason(record)))


def standing_text(record: JobRecord) -> Text:
    """The standing of a job, in its colour."""
    found = standing(record)
    return Text("FAIL" if found is Standing.FAIL else found.value, _STYLES.get(found, _FAILED))


def diff_text(found: Difference) -> Iterator[RenderableType]:
    """What changed, the worst first, and how many jobs did not."""
    changed = printable((*found.worse, *found.better))
    if changed:
        yield _changes_table(changed)
    for title, records in (("new", found.new), ("gone", found.gone)):
        if records:
            yield Text.assemble((f"{title}: ", "bold"), listed(printable(record.name) for record in records))
    counts = f"{len(found.worse)} worse, {len(found.better)} better, {len(found.same)} the same"
    yield Text(f"{plural(len(found.changes), 'job')} in both: {counts}; {len(found.new)} new, {len(found.gone)} gone")


def _table(records: Sequence[JobRecord]) -> Table:
    scored = any(record.metric is not None for record in records)
    axes = further_axes(records)
    table = _empty("model", "target", *axes)
    for title in ("verdict", *(["metric"] if scored else []), "SQNR", "size", "time"):
        table.add_column(title, no_wrap=True, justify="left" if title == "verdict" else "right")
    for record in records:
        table.add_row(
            Text(record.axes.get("model") or record.name),
            Text(record.target),
            *(Text(record.axes.get(axis, "")) for axis in axes),
            standing_text(record),
            *([metric_text(record)] if scored else []),
            sqnr_text(record),
            bytes_text(record),
            seconds_text(record),
        )
    return table


def _empty(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(Text(title), overflow="fold")
    return table


def _changes_table(changes: Sequence[Change]) -> Table:
    table = _empty("job", "")
    measured = [m for m in MEASURES if any(m.of(c.before) is not None or m.of(c.after) is not None for c in changes)]
    for title in ("verdict", *(measure.title for measure in measured)):
        table.add_column(title, no_wrap=True, justify="left" if title == "verdict" else "right")
    for change in changes:
        table.add_row(
            Text(change.name),
            Text("worse", _FAILED) if change.worse else Text("better", "green"),
            _verdict_cell(change),
            *(_cell(measure, change) for measure in measured),
        )
    return table


def _verdict_cell(change: Change) -> Text:
    if standing(change.before) is standing(change.after):
        return standing_text(change.after)
    return Text.assemble(standing_text(change.before), f" {_ARROW} ", standing_text(change.after))


def _cell(measure: Measure, change: Change) -> str:
    old, new = (_figure(measure, record) for record in (change.before, change.after))
    return new if old == new else f"{old} {_ARROW} {new}"


def _figure(measure: Measure, record: JobRecord) -> str:
    value = measure.of(record)
    return "-" if value is None else _FIGURES[measure.word](value)


_FIGURES = {
    DROP.word: lambda value: f"{value:.4g}",
    SQNR.word: lambda value: f"{value:.1f} dB",
    SIZE.word: lambda value: size_text(int(value)),
    TIME.word: lambda value: f"{value:.1f}",
}
