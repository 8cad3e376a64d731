"""The pool: who gets a worker that is warm, and which are not kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.isolation import CrashError
from dlpuconv.isolation.pool import Pool
from tests.isolation.support import LAUNCH, LIMITS, count_starts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool()
    yield made
    made.end()


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What has been started so far."""
    return count_starts(monkeypatch)


def test_a_worker_that_was_given_back_is_used_again(pool: Pool, starts: list[Any]) -> None:
    pids = set()
    for _ in range(3):
        with pool.borrowed(LAUNCH) as worker:
            pids.add(worker.ask("pid", LIMITS).facts["pid"])
    assert len(pids) == len(starts) == 1


def test_one_that_is_warmed_up_is_the_one_that_is_taken(pool: Pool, starts: list[Any]) -> None:
    pool.warm_up(LAUNCH)
    pool.warm_up(LAUNCH)
    with pool.borrowed(LAUNCH) as worker:
        assert worker.ask("echo", LIMITS, x=1).facts["x"] == 1
    assert len(starts) == 1


def test_warming_up_what_cannot_be_started_is_told_to_whoever_needs_it(pool: Pool) -> None:
    absent = replace(LAUNCH, interpreter="/no/such/python")
    pool.warm_up(absent)
    with pytest.raises(FileNotFoundError), pool.borrowed(absent):
        pass


def test_another_kind_is_another_worker(pool: Pool, starts: list[Any]) -> None:
    for launch in (LAUNCH, replace(LAUNCH, environment=(("A", "1"),)), LAUNCH):
        with pool.borrowed(launch):
            pass
    assert len(starts) == 2


def test_of_several_at_a_time_one_is_kept(pool: Pool, starts: list[Any]) -> None:
    with pool.borrowed(LAUNCH) as first, pool.borrowed(LAUNCH) as second:
        assert first.ask("pid", LIMITS).facts["pid"] != second.ask("pid", LIMITS).facts["pid"]
    assert [first.is_usable, second.is_usable].count(True) == 1
    with pool.borrowed(LAUNCH) as third:
        assert third in (first, second)
    assert len(starts) == 2


def test_one_that_crashed_or_was_ended_is_not_used_again(pool: Pool, starts: list[Any]) -> None:
    with pytest.raises(CrashError), pool.borrowed(LAUNCH) as worker:
        worker.ask("die", LIMITS, signal="", status=3)
    with pool.borrowed(LAUNCH) as worker:
        worker.end()
    with pool.borrowed(LAUNCH) as worker:
        assert worker.ask("echo", LIMITS, x=1).facts["x"] == 1
    assert len(starts) == 3


def test_one_that_died_while_it_was_idle_is_not_blamed_on_the_next_question(pool: Pool, starts: list[Any]) -> None:
    with pool.borrowed(LAUNCH) as worker:
        pid = worker.ask("pid", LIMITS).facts["pid"]
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pool.borrowed(LAUNCH) as worker:
        assert worker.ask("echo", LIMITS, x=1).facts["x"] == 1
    assert len(starts) == 2


def test_one_that_was_brought_much_is_not_kept(pool: Pool, starts: list[Any]) -> None:
    with pool.borrowed(LAUNCH) as worker:
        worker.ask("echo", LIMITS, {"x": np.zeros(65 << 20, np.uint8)})
    assert not worker.is_usable
    with pool.borrowed(LAUNCH):
        pass
    assert len(starts) == 2


def test_the_end_ends_those_that_are_idle(pool: Pool) -> None:
    with pool.borrowed(LAUNCH) as worker:
        pass
    pool.end()
    assert not worker.is_usable


FORK = """
    import os
    from dlpuconv.isolation import pool
    from tests.isolation.support import LAUNCH, LIMITS

    def pid():
        with pool.borrowed(LAUNCH) as worker:
            return worker.ask("pid", LIMITS).facts["pid"]

    borrowed = pool.take(LAUNCH)
    ours = pid()
    child = os.fork()
    if not child:
        assert pid() != ours
        assert not borrowed.is_usable
        pool.give_back(borrowed)
        pool.end()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pid() == ours
    assert borrowed.ask("echo", LIMITS, x=1).facts["x"] == 1
    borrowed.end()
    print("done")
"""


def test_a_forked_child_has_workers_of_its_own_and_leaves_the_parents_alone() -> None:
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-c", textwrap.dedent(FORK)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
