"""Shared work is made by one; one that was killed is succeeded, and one that is slow makes nothing wrong."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, override
from uuid import uuid4

import pytest

from dlpuconv.batches.store import open_store
from dlpuconv.batches.store.lease import Patience, RenewedLease
from dlpuconv.batches.store.remote_shelf import RemoteShelf
from dlpuconv.batches.store.shelved import ShelvedStore
from tests.batches.store.examples import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.files.content import Content

HOLDER = """
import sys
from dlpuconv.batches.store import open_store

def make():
    print("made by the dead", flush=True)
    sys.stdin.read()

open_store(sys.argv[1]).once("key", make)
"""


@pytest.fixture
def killed_holder() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def hold(url: str, started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    """A process that is making what is shared, and will for ever."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ)
    )
    started.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"made by the dead\n"
    return process


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.slow
def test_in_a_folder_the_kernel_ends_the_lease_of_the_dead(
    tmp_path: Path, killed_holder: list[subprocess.Popen[bytes]]
) -> None:
    holder = hold(str(tmp_path), killed_holder)
    lease = tmp_path / "leases" / key_of("key")
    assert is_locked(lease)
    with ThreadPoolExecutor(1) as successor:
        made = successor.submit(open_store(tmp_path).once, "key", lambda: b"anew")
        assert is_locked(lease)
        holder.kill()
        assert made.result() == b"anew"
    assert not lease.exists()


@pytest.mark.slow
def test_in_a_bucket_a_lease_that_nobody_renews_is_taken_over(
    s3: str, killed_holder: list[subprocess.Popen[bytes]]
) -> None:
    url = f"{s3}/{uuid4().hex}"
    hold(url, killed_holder).kill()
    shelf = RemoteShelf(url, Patience(seconds=0.2))
    assert shelf.names("leases") == [f"{key_of('key')}.0"]
    assert ShelvedStore(url, shelf).once("key", lambda: b"anew") == b"anew"
    assert shelf.names("leases") == []


def test_of_many_at_once_one_makes(url: str) -> None:
    begun, go = Event(), Event()
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        begun.set()
        go.wait()
        return b"made"

    with ThreadPoolExecutor(5) as workers:
        first = workers.submit(open_store(url).once, "key", make)
        begun.wait()
        others = [workers.submit(open_store(url).once, "key", make) for _ in range(4)]
        go.set()
        assert {first.result(), *(other.result() for other in others)} == {b"made"}
    assert made == [1]


class Watch:
    """A clock that moves only while somebody waits, and what the owner of a lease does meanwhile."""

    def __init__(self, shelf: RemoteShelf, owner_renews: int) -> None:
        self.time, self._shelf, self._renews = 0.0, shelf, owner_renews

    def pause(self, seconds: float) -> None:
        self.time += seconds
        if self._renews:
            self._renews -= 1
            self._shelf.replace("leases/x.0", f"alive at {self.time}".encode())

    @property
    def patience(self) -> Patience:
        return Patience(seconds=100, now=lambda: self.time, pause=self.pause)


@pytest.mark.parametrize(("renews", "taken_at"), [(0, 100), (7, 7 * 5 + 100)])
def test_a_lease_is_taken_over_so_long_after_the_last_sign_of_life(renews: int, taken_at: float) -> None:
    shelf = RemoteShelf(f"memory://{uuid4().hex}")
    shelf.put("leases/x.0", b"another's")
    watch = Watch(shelf, renews)
    with RenewedLease(shelf, "leases/x", lambda: False, watch.patience):
        assert watch.time == taken_at  # it looks every 5 s
        assert sorted(shelf.names("leases")) == ["x.0", "x.1"]
    assert shelf.names("leases") == []


def test_who_waits_goes_on_when_the_work_is_there_or_the_lease_was_let_go() -> None:
    shelf = RemoteShelf(f"memory://{uuid4().hex}")
    shelf.put("leases/x.0", b"another's")
    looks = iter([False, False, True])
    watch = Watch(shelf, 0)
    with RenewedLease(shelf, "leases/x", lambda: next(looks), watch.patience):
        assert watch.time == 5
        assert shelf.names("leases") == ["x.0"]  # nothing was taken, and another's is not removed
    assert shelf.names("leases") == ["x.0"]

    def let_go(_seconds: float) -> None:
        shelf.remove("leases/x.0")

    with RenewedLease(shelf, "leases/x", lambda: False, Patience(pause=let_go)):
        assert shelf.read("leases/x.0", 99) != b"another's"


def test_an_owner_renews_its_lease_while_it_works() -> None:
    shelf = RemoteShelf(f"memory://{uuid4().hex}")
    renewed = Event()

    class Watched(RemoteShelf):
        @override
        def replace(self, name: str, content: bytes) -> None:
            shelf.replace(name, content)
            renewed.set()

        @override
        def put(self, name: str, content: Content) -> bool:
            return shelf.put(name, content)

        @override
        def remove(self, name: str) -> None:
            shelf.remove(name)

    with RenewedLease(Watched("memory://x"), "leases/x", lambda: False, Patience(seconds=0.01)):
        assert renewed.wait(60)
    assert shelf.names("leases") == []


def test_an_owner_that_was_overtaken_gives_what_its_successor_made() -> None:
    url = f"memory://{uuid4().hex}"
    begun, go = Event(), Event()

    def slow() -> bytes:
        begun.set()
        go.wait()
        return b"of the slow one"

    with ThreadPoolExecutor(1) as worker:
        slow_one = worker.submit(open_store(url).once, "key", slow)
        begun.wait()
        hasty = ShelvedStore(url, RemoteShelf(url, Patience(seconds=0.0)))
        assert hasty.once("key", lambda: b"of the hasty one") == b"of the hasty one"
        go.set()
        assert slow_one.result() == b"of the hasty one"


def test_a_store_that_fails_costs_work_and_no_result(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert open_store(tmp_path / "file").once("key", lambda: b"made") == b"made"
