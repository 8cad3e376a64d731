from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from dlpuconv.delivery import check_destination, write_all
from tests.error_ids import raises_error


def test_all_files_are_written_and_no_temporary_file_stays(tmp_path: Path) -> None:
    write_all(tmp_path / "out", {"a.bin": b"1", "pkg/b/c.bin": b"2"}, force=False)
    written = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert written == ["a.bin", "pkg/b/c.bin"]
    assert (tmp_path / "out/pkg/b/c.bin").read_bytes() == b"2"


def test_an_existing_file_is_refused_and_nothing_is_written_beside_it(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(b"old")
    with raises_error("output-exists", "b.bin", "--force"):
        write_all(tmp_path, {"a.bin": b"1", "b.bin": b"2"}, force=False)
    assert os.listdir(tmp_path) == ["b.bin"]
    assert (tmp_path / "b.bin").read_bytes() == b"old"


def test_force_replaces_a_folder_as_a_whole(tmp_path: Path) -> None:
    write_all(tmp_path, {"pkg/old.bin": b"1"}, force=False)
    write_all(tmp_path, {"pkg/new.bin": b"2"}, force=True)
    assert os.listdir(tmp_path / "pkg") == ["new.bin"]


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.bin").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with raises_error("output-not-writable", "nothing was changed"):
        write_all(tmp_path, {"a.bin": b"new"}, force=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["a.bin"]
    assert (tmp_path / "a.bin").read_bytes() == b"old"


def test_a_rename_that_fails_half_way_puts_the_old_files_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(b"old")
    real = Path.replace

    def flaky(source: Path, destination: Path) -> Path:
        if source.parent.name == "new" and source.name == "b.bin":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(source, destination)

    monkeypatch.setattr(Path, "replace", flaky)
    with raises_error("output-not-writable", "nothing was changed"):
        write_all(tmp_path, {"a.bin": b"new", "b.bin": b"new"}, force=True)
    assert sorted(os.listdir(tmp_path)) == ["a.bin", "b.bin"]
    assert {(tmp_path / name).read_bytes() for name in ("a.bin", "b.bin")} == {b"old"}


def test_a_file_in_the_place_of_the_folder_is_refused_before_work_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with raises_error("output-not-writable"):
        check_destination(tmp_path / "file" / "out", ["a"], force=False)


def test_a_denied_folder_is_refused_whoever_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with raises_error("output-not-writable"):
        check_destination(tmp_path, ["a"], force=False)


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", ""])
def test_a_name_that_leaves_the_folder_is_a_bug_of_the_caller(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a relative path"):
        write_all(tmp_path, {name: b""}, force=False)


def test_a_copy_that_breaks_off_where_there_are_no_hard_links_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path, {"m.tflite": b"old" * 1000}, force=False)

    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    def full(_: Path, target: Path, **__: object) -> None:
        target.write_bytes(b"old")
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(shutil, "copy2", full)
    with raises_error("output-not-writable", "the disk is full"):
        write_all(tmp_path, {"m.tflite": b"new"}, force=True)
    assert (tmp_path / "m.tflite").read_bytes() == b"old" * 1000
