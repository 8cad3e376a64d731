"""Progress that people see: what is printed, where, and how often."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from dlpuconv.display.bars import Bars, Lines, for_people
from dlpuconv.display.progress import Silent


def test_a_stage_is_one_line_and_a_long_one_tells_how_far_it_is_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The clock advances by four seconds with each step."""
    seconds = iter(range(0, 100, 4))
    now = [0.0]

    def clock() -> float:
        return now[0]

    with Lines(clock).stage("calibrating", 6) as step:
        for _ in range(6):
            now[0] = next(seconds)
            step()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["calibrating ...", "calibrating: 4 of 6"]  # at 12 s; the next would be at 22 s


def test_a_stage_of_unknown_length_tells_how_many_steps_are_done(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Lines(lambda: now[0]).stage("searching") as step:
        now[0] = 11
        step()
    assert capsys.readouterr().err.splitlines() == ["searching ...", "searching: 1"]


@pytest.mark.parametrize("shown", [Lines(), Bars()])
def test_what_a_file_s_name_holds_cannot_act_on_the_terminal(
    shown: Lines | Bars, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown.stage("reading \x1b[2J [bold]x[/nothing]"):
        shown.message("a \x1b[2J b")
    assert "\x1b[2J" not in capsys.readouterr().err


def test_in_python_bars_are_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert isinstance(for_people(), Bars)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert isinstance(for_people(), Silent)


class ZMQInteractiveShell:
    """What IPython calls the shell of a notebook."""


@pytest.mark.parametrize("widgets", [True, False])
def test_in_a_notebook_bars_are_drawn_where_they_can_be_and_lines_elsewhere(
    widgets: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setattr("builtins.get_ipython", ZMQInteractiveShell, raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object() if widgets else None)
    assert isinstance(for_people(), Bars if widgets else Lines)


def test_a_stage_within_a_stage_is_drawn_in_the_same_display(capsys: pytest.CaptureFixture[str]) -> None:
    """In `rich` before 14.1, a second display is an error."""
    shown = Bars()
    for _ in range(2):
        with shown.stage("outer") as outer:
            display = shown._drawn
            with shown.stage("inner", 2) as inner:
                inner()
                assert shown._drawn is display is not None
                assert [task.description for task in display.tasks] == ["outer", "inner"]
            outer()
            assert [(task.description, task.completed) for task in display.tasks] == [("outer", 1)]
        assert shown._drawn is None
    assert capsys.readouterr().out == ""
