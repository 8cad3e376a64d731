"""One worker: what it answers, what becomes of it, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.files import scratch
from dlpuconv.isolation import (
    CrashError,
    ExcessError,
    Limits,
    MissingLibraryError,
    OvertimeError,
    TaskError,
    Worker,
    messages,
    pool,
    process,
)
from tests.descriptors import open_descriptors
from tests.isolation.support import LAUNCH, LIMITS, WITH_FOLDER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Start = Callable[[str], Worker]


@pytest.fixture
def worker() -> Iterator[Worker]:
    with pool.borrowed(LAUNCH) as borrowed:
        yield borrowed


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A worker with other tasks, which need not be there."""
    started: list[Worker] = []

    def begin(body: str) -> Worker:
        file = tmp_path / f"tasks{len(started)}.py"
        file.write_text(textwrap.dedent(body))
        started.append(Worker(replace(LAUNCH, tasks=file)))
        return started[-1]

    yield begin
    for one in started:
        one.end()


def test_it_answers_one_question_after_the_other(worker: Worker) -> None:
    for size in (0, 3, 1 << 20):
        values = np.arange(size, dtype=np.float32)
        answer = worker.ask("echo", LIMITS, {"x": values}, said=size)
        assert answer.facts["said"] == size
        np.testing.assert_array_equal(answer.arrays["x"], values)


def test_what_a_library_raises_is_told_and_the_worker_goes_on(worker: Worker) -> None:
    with pytest.raises(TaskError, match=r"^RuntimeError: two\nlines$"):
        worker.ask("fail", LIMITS, text="two\nlines")
    assert worker.is_usable
    assert worker.ask("echo", LIMITS, x=1).facts["x"] == 1


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [("SIGSEGV", 0, "was killed by SIGSEGV"), ("", 3, "ended with exit status 3 before it answered")],
)
def test_a_crash_is_told(worker: Worker, name: str, status: int, told: str) -> None:
    with pytest.raises(CrashError, match=f"^{told}$"):
        worker.ask("die", LIMITS, signal=name, status=status)
    assert not worker.is_usable


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("no\nerror: out of   cheese\nbye\n---", "error: out of cheese"),
        ("hello\nbye\n---", "bye"),
        ("---", ""),
    ],
)
def test_the_last_telling_line_of_its_log_is_told(worker: Worker, printed: str, told: str) -> None:
    worker.ask("say", LIMITS, text="error: of an earlier question")
    with pytest.raises(TaskError):
        worker.ask("fail", LIMITS, text="of an earlier question")
    with pytest.raises(CrashError) as caught:
        worker.ask("die", LIMITS, signal="SIGABRT", status=0, said=printed)
    assert caught.value.log == told


def test_more_memory_than_it_may_take_is_told_and_the_worker_goes_on(worker: Worker) -> None:
    assert worker.ask("fill", LIMITS, size=1 << 20).facts["length"] == 1 << 20
    with pytest.raises(ExcessError, match=r"takes more than 0\.25 GiB"):
        worker.ask("fill", LIMITS, size=1 << 30)
    assert worker.ask("fill", replace(LIMITS, memory=1 << 31), size=1 << 30).facts["length"] == 1 << 30


def test_what_a_question_brings_is_not_counted(worker: Worker) -> None:
    brought = np.zeros(1 << 26, np.uint8)
    answer = worker.ask("echo", replace(LIMITS, memory=1 << 24), {"x": brought})
    assert answer.arrays["x"].size == brought.size


def test_more_processor_time_than_it_may_take_is_told(worker: Worker) -> None:
    with pytest.raises(OvertimeError, match="takes more than 0 s"):
        worker.ask("spin", replace(LIMITS, seconds=0))
    assert not worker.is_usable


def test_more_time_by_the_clock_than_it_may_take_is_told(worker: Worker) -> None:
    with pytest.raises(OvertimeError, match=r"takes more than 0\.1 s"):
        worker.ask("wait", Limits(memory=1 << 28, seconds=0.1, by_the_clock=True))
    assert not worker.is_usable


def test_limits_grow_with_the_file() -> None:
    assert LIMITS.for_size(1 << 20) == Limits(memory=LIMITS.memory + (3 << 20), seconds=61)
    clocked = replace(LIMITS, by_the_clock=True).for_size(1 << 21, copies=8)
    assert clocked == Limits(memory=LIMITS.memory + (16 << 20), seconds=62, by_the_clock=True)
    assert (clocked.patience, LIMITS.patience) == (62, 300)


def test_nonsense_is_no_answer(worker: Worker) -> None:
    with pytest.raises(CrashError, match="has no usable answer: it is larger than"):
        worker.ask("babble", LIMITS, {"bytes": np.full(64, 255, np.uint8)})
    assert not worker.is_usable


def test_one_that_hangs_up_is_ended(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_FAREWELL_S", 0.01)
    with pytest.raises(CrashError, match="hung up without an answer"):
        worker.ask("hang_up", LIMITS)
    assert not worker.is_usable


def test_an_interruption_in_the_middle_of_an_answer_ends_it(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(messages, "receive", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.ask("echo", LIMITS)
    assert not worker.is_usable


@pytest.mark.parametrize(
    "body",
    [
        "import no_such_library",
        "print('error: x')\ndef prepare():\n    import no_such_library.part",
        "import no_such_library.part",
    ],
)
def test_a_library_that_is_missing_at_the_start_is_named(start: Start, body: str) -> None:
    with pytest.raises(MissingLibraryError, match=r"^no_such_library$"):
        start(body).ask("echo", LIMITS, {"x": np.zeros(1 << 20)})


def test_a_library_that_is_missing_later_is_named(worker: Worker) -> None:
    with pytest.raises(MissingLibraryError, match=r"^no_such_library$"):
        worker.ask("lack", LIMITS)


def test_a_start_that_fails_is_told(start: Start) -> None:
    with pytest.raises(CrashError, match="ended with exit status 1") as caught:
        start("raise RuntimeError('no luck')").ask("echo", LIMITS)
    assert caught.value.log == "RuntimeError: no luck"


def test_an_interpreter_without_any_library_says_so(tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    worker = Worker(replace(LAUNCH, interpreter=str(bare)))
    with pytest.raises(MissingLibraryError, match=r"^numpy$"):
        worker.ask("echo", LIMITS)
    worker.end()


def test_an_interpreter_that_is_not_there_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = open_descriptors()
    with pytest.raises(FileNotFoundError) as caught:
        Worker(replace(WITH_FOLDER, interpreter="/no/such/python"))
    assert caught.value.filename == "/no/such/python"
    assert list(tmp_path.iterdir()) == []
    assert open_descriptors() == before


def test_one_that_was_ended_leaves_nothing() -> None:
    before = open_descriptors()
    worker = Worker(WITH_FOLDER)
    found = worker.ask("places", LIMITS, {"x": np.zeros(1 << 20, np.uint8)}).facts
    home = Path(found["home"])
    assert home.is_dir()
    assert Path(found["cwd"]).resolve() == Path(found["tmp"]).resolve() == home.resolve()
    worker.end()
    worker.end()
    assert not home.exists()
    assert open_descriptors() == before


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    worker = Worker(LAUNCH)
    worker.ask("spawn", LIMITS, fifo=str(fifo))
    assert is_open(fifo)
    worker.end()
    while is_open(fifo):  # a killed process takes a moment
        pass


def test_what_it_started_ends_with_it_where_it_crashes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    worker = Worker(LAUNCH)
    worker.ask("spawn", LIMITS, fifo=str(fifo))
    assert is_open(fifo)
    with pytest.raises(CrashError):
        worker.ask("die", LIMITS, signal="SIGSEGV")
    while is_open(fifo):
        pass


def is_open(fifo: Path) -> bool:
    """Whether any process reads it."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_ctrl_c_spares_it(worker: Worker) -> None:
    pid = worker.ask("pid", LIMITS).facts["pid"]
    assert os.getpgid(pid) == pid


PARENT = """
    import sys
    from dlpuconv.isolation import Worker
    from tests.isolation.support import LIMITS, WITH_FOLDER

    worker = Worker(WITH_FOLDER)
    print(worker.ask("places", LIMITS).facts["home"], flush=True)
    worker.ask("hold", LIMITS, fifo=sys.argv[1], busy=sys.argv[2] == "busy")
    sys.stdin.read()
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
def test_it_goes_with_its_folder_when_its_parent_is_killed(tmp_path: Path, state: str) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [sys.executable, "-c", textwrap.dedent(PARENT), str(fifo), state]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        home = Path(parent.stdout.readline().strip())
        assert home.is_dir()
        with fifo.open("rb") as held:  # the worker has it open from here on, and nobody else
            parent.kill()
            assert held.read() == b""  # so it has gone
    assert parent.returncode == -signal.SIGKILL
    while home.parent.exists():  # where a process that swept it was killed in the middle, the next one does it
        scratch.sweep()
