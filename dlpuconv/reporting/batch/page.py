"""A batch as it is shown: texts and drawings, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.reporting.batch.scatter import Scatter
    from dlpuconv.reporting.page import Fact


@dataclass(frozen=True, slots=True)
class Figure:
    """A number in a cell.

    Attributes:
        text: as people read it; empty where nothing was measured.
        value: what it is sorted by; empty likewise.
    """

    text: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One job.

    Attributes:
        anchor: id of the row.
        name: the job's.
        report: relative link to its own report; empty where it has none.
        words: model, target and what else the matrix varies, by column of words.
        standing: its verdict, or how it ended without a file.
        tone: `good`, `fair` or `bad`.
        reasons: why it is not good.
        figures: by column of figures.
        rank: order of standings, 0 for the worst.
    """

    anchor: str
    name: str
    report: str
    words: tuple[str, ...]
    standing: str
    tone: str
    reasons: tuple[str, ...]
    figures: tuple[Figure, ...]
    rank: int


@dataclass(frozen=True, slots=True)
class WordColumn:
    """A column of words, by which rows are filtered.

    Attributes:
        title: heads it.
        values: that rows have, in the order of the alphabet.
    """

    title: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPage:
    """All of the page.

    Attributes:
        title: of the batch.
        passed: every job has a file that may be used.
        tally: how many jobs are what.
        facts: of the whole.
        choices: columns of words.
        standings: that rows have, the worst first.
        figures: titles of the columns of figures.
        scatters: plots; none where too little was measured.
        rows: what needs eyes first.
        version: of the program.
    """

    title: str
    passed: bool
    tally: str
    facts: tuple[Fact, ...]
    choices: tuple[WordColumn, ...]
    standings: tuple[str, ...]
    figures: tuple[str, ...]
    scatters: tuple[Scatter, ...]
    rows: tuple[BatchRow, ...]
    version: str
