"""Records as CSV (RFC 4180), which spreadsheets open."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from dlpuconv.batches.results.columns import columns, rows
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.results.columns import Cell

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula, and would run."""


def to_csv(records: Sequence[JobRecord]) -> bytes:
    """A line of titles, then one a record; what is missing is empty."""
    shown = columns(records)
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([_text(column.title) for column in shown])
    writer.writerows([_text(cell) for cell in row] for row in rows(records, shown))
    return stream.getvalue().encode()


def _text(cell: Cell) -> Cell:
    """A text is never a formula; an apostrophe in front says so to a spreadsheet."""
    if not isinstance(cell, str):
        return cell
    shown = printable(cell)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
