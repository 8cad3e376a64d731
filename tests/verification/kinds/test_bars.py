"""The page about verdicts holds the table that the code judges by."""

from __future__ import annotations

from pathlib import Path

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.bars import BARS, DETECTIONS
from dlpuconv.verification.kinds.boxes import PASSING
from dlpuconv.verification.kinds.scores import THRESHOLDS
from dlpuconv.verification.rule import DEFAULT_MIN_SQNR_DB

PAGE = (Path(__file__).parents[3] / "docs" / "verdicts.md").read_text()


def test_the_page_s_table_is_the_one_that_files_are_judged_by() -> None:
    table = PAGE.partition("| kind |")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    expected = [f"| {kind} | {bar.measure} | {bar.least:.0%} | {bar.why} |" for kind, bar in BARS.items()]
    assert rows[:-1] == expected
    assert rows[-1].startswith(f"| values | signal-to-noise ratio | {DEFAULT_MIN_SQNR_DB:.0f} dB |")


def test_every_kind_but_plain_values_has_a_bar() -> None:
    assert set(BARS) == set(OutputKind) - {OutputKind.VALUES}


def test_the_page_names_the_thresholds_of_scores() -> None:
    *others, last = map(str, THRESHOLDS)
    assert f"({', '.join(others)} and {last};" in " ".join(PAGE.split())
    assert f"whose score exceeds {PASSING}" in " ".join(PAGE.split())
    assert f"{DETECTIONS.least:.0%} are required" in PAGE
