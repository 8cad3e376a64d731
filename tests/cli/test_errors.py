"""`dlpuconv errors`: what an id means, for somebody who copies it from a message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from dlpuconv.cli import main
from dlpuconv.cli.console import fail
from dlpuconv.error_catalog import entries, entry
from tests.cli.test_completion import SHELLS, completed

if TYPE_CHECKING:
    from collections.abc import Sequence


def told(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["errors", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("word", ["library-missing", "[library-missing]"])
def test_an_id_is_explained_as_it_is_copied(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    found, text = entry("library-missing"), told([word], capsys)
    for part in (found.title, found.cause, found.remedy, "MissingDependencyError", "12"):
        assert part in text


def test_what_is_no_class_of_errors_is_not_said_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert "In Python: ModelError." in told(["model-empty"], capsys)
    assert "With --json: InternalError. Exit status: 10." in told(["internal-error"], capsys)


def test_without_an_id_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told([], capsys).splitlines()
    assert [line.split()[0] for line in lines] == [each.id for each in entries()]
    assert all(line.endswith(each.title) for line, each in zip(lines, entries(), strict=True))


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    one, listed = json.loads(told(["store-damaged", "--json"], capsys)), json.loads(told(["--json"], capsys))
    assert set(one) == {"id", "type", "status", "title", "cause", "remedy"}
    assert (one["id"], one["type"], one["status"]) == ("store-damaged", "StoreError", 14)
    assert one in listed["errors"]


def test_a_mistyped_id_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["errors", "library-mising"]) == 2
    assert capsys.readouterr().err.endswith("(did you mean 'library-missing'?) [error-id-unknown]\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_ids_are_completed(shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert {"store-damaged", "store-foreign"} <= completed(shell, "dlpuconv errors store-", monkeypatch, capsys)


@pytest.mark.parametrize(("terminal", "lines"), [(True, 2), (False, 1)])
def test_only_people_are_told_where_an_error_is_explained(
    terminal: bool, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    fail("it broke", "store-damaged")
    first, *more = capsys.readouterr().err.splitlines()
    assert first == "error: it broke [store-damaged]"
    assert len(more) == lines - 1
    assert all("`dlpuconv errors store-damaged`" in line for line in more)
