"""What commands print off a terminal: whole lines on stdout, progress on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dlpuconv.cli.console import CommandProgress, show

if TYPE_CHECKING:
    import pytest


def wide_table() -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("layer", overflow="fold")
    table.add_column("why")
    table.add_row(Text("a" * 300), Text("word " * 100 + "end"))
    return table


def test_off_a_terminal_no_line_is_wrapped_or_cut_or_padded(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    show(wide_table(), Padding.indent(Text("b" * 500), 2), "c" * 200)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4  # with the heading
    assert lines[0].startswith("layer ")
    assert lines[1].startswith("a" * 300)
    assert lines[1].endswith("word end")
    assert lines[2:] == ["  " + "b" * 500, "c" * 200]
    assert [line for line in lines if line != line.rstrip()] == []


def test_what_would_act_on_a_terminal_is_escaped_in_a_pipe_too(capsys: pytest.CaptureFixture[str]) -> None:
    show("a\x1b[2Jb")
    assert capsys.readouterr().out == "a\\x1b[2Jb\n"


def test_off_a_terminal_progress_is_lines_on_stderr_and_a_warning_is_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress = CommandProgress()
    with progress.stage("calibrating", 2) as step:
        step()
        progress.message("few samples")
        progress.message("few samples")
    assert capsys.readouterr() == ("", "calibrating ...\nwarning: few samples\n")


def test_quiet_progress_still_warns(capsys: pytest.CaptureFixture[str]) -> None:
    progress = CommandProgress(quiet=True)
    with progress.stage("calibrating"):
        progress.message("few samples")
    assert capsys.readouterr() == ("", "warning: few samples\n")
