"""What befalls stdout and stderr ends no work: files are delivered, and the exit status says what came of it."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.support import MODEL, Sandbox

CONVERT = ("convert", str(MODEL), "-t", "cv25", "--preset", "0-255", "--output", "out")
FAILING = (*CONVERT, "--min-sqnr", "1000")
PACKAGE = "cifar_mobilenetv2.cv25"


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path)
    made.environment()
    return made


def shell(sandbox: Sandbox, arguments: tuple[str, ...], redirected: str) -> tuple[int, str, str]:
    """The status of a command with what a shell made of its streams; and what still came through them."""
    command = f"exec {shlex.join([sys.executable, '-m', 'dlpuconv', *arguments])} {redirected}"
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=sandbox.root / "cwd",
        env=sandbox.environment(),
        check=False,
        timeout=180,
    )
    return done.returncode, done.stdout, done.stderr


def without_reader(sandbox: Sandbox, arguments: tuple[str, ...], *streams: str) -> tuple[int, str]:
    """The status of a command whose stdout, stderr or both nobody reads from the start; and what the other one got."""
    reader, writer = os.pipe()
    os.close(reader)
    kept = sandbox.root / "kept"
    with kept.open("wb") as other:
        ends = {name: writer if name in streams else other for name in ("stdout", "stderr")}
        done = subprocess.run(
            [sys.executable, "-m", "dlpuconv", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=ends["stdout"],
            stderr=ends["stderr"],
            cwd=sandbox.root / "cwd",
            env=sandbox.environment(),
            check=False,
            timeout=180,
        )
    os.close(writer)
    return done.returncode, kept.read_text()


def delivered(sandbox: Sandbox) -> list[str]:
    return sorted(entry.name for entry in (sandbox.root / "cwd" / "out").iterdir())


@pytest.mark.parametrize(("arguments", "status"), [(CONVERT, 0), (FAILING, 1)])
@pytest.mark.parametrize("streams", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_without_a_reader_the_work_is_done_and_the_status_is_the_verdicts(
    sandbox: Sandbox, streams: tuple[str, ...], arguments: tuple[str, ...], status: int
) -> None:
    found, kept = without_reader(sandbox, arguments, *streams)
    assert found == status
    assert delivered(sandbox) == [PACKAGE]
    assert "Traceback" not in kept
    assert "Broken pipe" not in kept
    if streams == ("stderr",):
        assert PACKAGE in kept  # the result itself is printed


def test_without_a_reader_an_error_keeps_its_status(sandbox: Sandbox) -> None:
    assert without_reader(sandbox, ("check", "gone.onnx", "-t", "cv25", "--json"), "stdout", "stderr") == (3, "")


@pytest.mark.parametrize(
    ("redirected", "reason"),
    [("> /dev/full", "the disk is full"), (">&-", "it is closed"), ("<&- >&-", "it is closed")],
)
@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_result_that_cannot_be_printed_is_an_error_and_the_files_are_delivered(
    sandbox: Sandbox, redirected: str, reason: str, more: tuple[str, ...]
) -> None:
    status, _, err = shell(sandbox, (*CONVERT, *more), redirected)
    assert status == 9
    assert delivered(sandbox) == [PACKAGE]
    last = err.splitlines()[-1]
    assert last.startswith("error: the files were written to 'out', but")
    assert last.endswith(f"{reason} [output-not-printed]")
    assert os.strerror(errno.EBADF) not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("targets",), ("convert", "--help")])
def test_every_command_tells_that_it_could_not_print(sandbox: Sandbox, arguments: tuple[str, ...]) -> None:
    status, _, err = shell(sandbox, arguments, "> /dev/full")
    assert (status, err.count("\n")) == (9, 1)
    assert "the disk is full" in err


@pytest.mark.parametrize("redirected", ["2>&-", "2> /dev/full", "<&- 2>&-"])
def test_without_stderr_the_result_is_printed_and_nothing_is_written_into_a_file_by_mistake(
    sandbox: Sandbox, redirected: str
) -> None:
    status, out, _ = shell(sandbox, CONVERT, redirected)
    assert status == 0
    assert PACKAGE in out
    assert delivered(sandbox) == [PACKAGE]
    files = [path for path in (sandbox.root / "cwd").rglob("*") if path.is_file()]
    assert [path.name for path in files if b"reading the model" in path.read_bytes()] == []


def test_a_report_that_is_there_is_told_where_stdout_is_full(sandbox: Sandbox) -> None:
    status, _, err = shell(sandbox, ("verify", str(MODEL), "-t", "cv25", "--report", "page.html"), "> /dev/full")
    assert status == 9
    assert "the report was written to 'page.html', but" in err
    assert (sandbox.root / "cwd" / "page.html").exists()


@pytest.mark.parametrize(
    ("report", "says"),
    [
        ("file/page.html", "not a folder"),
        (f"out/{PACKAGE}", "[output-is-result]"),
        (f"{'long' * 100}.html", "File name too long"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_the_work(sandbox: Sandbox, report: str, says: str) -> None:
    (sandbox.root / "cwd" / "file").touch()
    done = sandbox.run(*CONVERT, "--report", report)
    assert done.returncode == 9
    assert says in done.stderr
    assert "reading the model" not in done.stderr
    assert not (sandbox.root / "cwd" / "out").exists()


def test_the_help_tells_every_status_and_what_becomes_of_the_output(sandbox: Sandbox) -> None:
    told = " ".join(sandbox.run("--help").stdout.split())
    for status in ("9 output", "129 hang-up", "130 Ctrl-C", "131 quit", "143 terminated", "| head`", "the status is 9"):
        assert status in told
