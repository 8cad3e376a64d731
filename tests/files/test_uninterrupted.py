"""Work in another thread: its result or error is the caller's, and it is awaited where the caller is gone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Event, Thread

import pytest

from dlpuconv.files import uninterrupted as module
from dlpuconv.files.uninterrupted import settle, uninterrupted


def test_the_caller_is_given_what_the_work_returns_or_raises() -> None:
    assert uninterrupted(lambda: None) is None
    assert uninterrupted(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        uninterrupted(lambda: 1 // 0)


def test_work_that_has_begun_is_awaited() -> None:
    begun, go_on = Event(), Event()
    done: list[int] = []

    def work() -> None:
        begun.set()
        go_on.wait()
        done.append(1)

    caller = Thread(target=uninterrupted, args=(work,))
    caller.start()
    begun.wait()

    def settled() -> None:
        settle()
        done.append(2)

    awaiting = Thread(target=settled)
    awaiting.start()
    go_on.set()
    awaiting.join()
    caller.join()
    assert done == [1, 2]


@pytest.fixture
def never_begun(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Work whose caller was interrupted before there was a thread for it; what it would have done."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    done: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(module, "start_new_thread", interrupted)
        with pytest.raises(KeyboardInterrupt):
            uninterrupted(lambda: done.append(1))
    yield done
    module._errands.clear()


def test_work_that_has_not_begun_never_does(never_begun: list[int]) -> None:
    (late,) = module._errands
    settle()
    late.run()
    assert never_begun == []


@pytest.mark.usefixtures("never_begun")
def test_a_forked_child_waits_for_none_of_its_parents_work() -> None:
    child = os.fork()
    if child == 0:
        os._exit(len(module._errands))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
