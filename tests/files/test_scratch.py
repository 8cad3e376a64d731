"""Temporary folders: gone with their last user, and cleaned up after by others where their process was killed."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dlpuconv.files import scratch
from dlpuconv.files.keep import KeptFolder
from dlpuconv.files.locks import try_lock

MAKE_ONE = """
import sys
from dlpuconv.files.scratch import make_folder
(make_folder("files") / "model").write_bytes(b"1")
print(flush=True)
sys.stdin.read()
"""
BEGIN_AN_ENTRY = """
import os, sys
from pathlib import Path
from dlpuconv.files import keep
def hang(*_, **__):
    print(flush=True)
    sys.stdin.read()
keep.sealed = hang
keep.KeptFolder(Path(sys.argv[1])).once("key", lambda: b"made")
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@contextmanager
def another_process(code: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """It has begun, and waits."""
    command = [sys.executable, "-c", code, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def test_the_process_s_own_folder_goes_with_the_last_one_in_it(temporary: Path) -> None:
    first, second = scratch.make_folder("a"), scratch.make_folder("b")
    assert len(os.listdir(temporary)) == 1
    scratch.remove_folder(first)
    assert second.is_dir()
    scratch.remove_folder(second)
    assert os.listdir(temporary) == []
    with scratch.temporary_folder("c") as third:
        assert third.is_dir()
    assert os.listdir(temporary) == []


def test_a_folder_of_a_running_process_is_left_alone_and_one_of_a_killed_process_goes(temporary: Path) -> None:
    with another_process(MAKE_ONE) as process:
        scratch.sweep()
        (left,) = temporary.iterdir()
        assert len(list(left.rglob("model"))) == 1
        process.kill()
        process.wait()
        scratch.sweep()
        assert os.listdir(temporary) == []


def test_a_sweep_leaves_the_folder_of_its_own_process(temporary: Path) -> None:
    with scratch.temporary_folder("a") as folder:
        scratch.sweep()
        assert folder.is_dir()
        assert folder.is_relative_to(temporary)


def test_links_and_what_only_looks_alike_are_left_alone(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_bytes(b"1")
    (temporary / "dlpuconv-run-linklink").symlink_to(precious)
    (temporary / "dlpuconv-run-filefile").write_bytes(b"1")
    (temporary / "dlpuconv-run-of-mine").mkdir()
    (temporary / "dlpuconv-run-deaddead").mkdir()
    scratch.sweep()
    assert sorted(os.listdir(temporary)) == ["dlpuconv-run-filefile", "dlpuconv-run-linklink", "dlpuconv-run-of-mine"]
    assert (precious / "thesis").read_bytes() == b"1"


def test_another_user_s_folder_is_left_alone(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (temporary / "dlpuconv-run-theirs_1").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    scratch.sweep()
    assert os.listdir(temporary) == ["dlpuconv-run-theirs_1"]


def test_a_temporary_folder_that_some_cleaner_removed_is_made_again(temporary: Path) -> None:
    first = scratch.make_folder("a")
    for folder in (first, first.parent):
        folder.rmdir()
    second = scratch.make_folder("b")
    assert second.is_dir()
    scratch.remove_folder(second)
    assert os.listdir(temporary) == []


def test_without_locks_nothing_is_taken_for_dead(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: Path) -> None:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(scratch, "try_lock", unsupported)
    (temporary / "dlpuconv-run-perhaps_").mkdir()
    folder = scratch.make_folder("a")
    scratch.sweep()
    assert folder.is_dir()
    assert (temporary / "dlpuconv-run-perhaps_").is_dir()
    scratch.remove_folder(folder)
    assert os.listdir(temporary) == ["dlpuconv-run-perhaps_"]


def test_a_missing_temporary_folder_is_an_error(temporary: Path) -> None:
    assert tempfile.gettempdir() == str(temporary)
    temporary.rmdir()
    with pytest.raises(FileNotFoundError):
        scratch.make_folder("a")


def test_garbage_that_has_a_folder_may_be_collected_while_another_one_is_made(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Owner:
        def __init__(self) -> None:
            self.itself = self  # only the collector ends it
            weakref.finalize(self, scratch.remove_folder, scratch.make_folder("old"))

    def collecting(place: Path) -> Path:
        gc.collect()
        return make(place)

    make = scratch._new_root
    Owner()
    other = temporary / "other"
    other.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(other))
    monkeypatch.setattr(scratch, "_new_root", collecting)
    with scratch.temporary_folder("new") as folder:
        assert folder.is_relative_to(other)
        assert os.listdir(temporary) == ["other"]


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    held = try_lock(tmp_path)
    assert held is not None
    assert try_lock(tmp_path) is None
    os.close(held)
    again = try_lock(tmp_path)
    assert again is not None
    os.close(again)


def test_an_entry_of_the_cache_whose_writer_was_killed_goes_and_one_that_is_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "notes.tmp").write_bytes(b"mine")
    with another_process(BEGIN_AN_ENTRY, str(folder)) as process:
        KeptFolder(folder).sweep()
        assert len(os.listdir(folder)) == 2
        process.kill()
        process.wait()
        KeptFolder(folder).sweep()
        assert os.listdir(folder) == ["notes.tmp"]


def test_a_forked_child_leaves_its_parents_folders_alone() -> None:
    folder = scratch.make_folder("files")
    child = os.fork()
    if child == 0:
        scratch.remove_folder(folder)
        os._exit(0)
    os.waitpid(child, 0)
    assert folder.is_dir()
    scratch.remove_folder(folder)
    assert not folder.exists()
