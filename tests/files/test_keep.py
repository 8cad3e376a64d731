"""What is kept comes back as it was, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlpuconv.files import keep
from dlpuconv.files.keep import NOTHING, KeptFolder, default_cache_folder


def never() -> bytes:
    raise AssertionError("made again")


def entry(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def test_what_was_made_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert KeptFolder(folder).once("model+samples", lambda: b"made") == b"made"
    assert KeptFolder(folder).once("model+samples", never) == b"made"
    assert KeptFolder(folder).once("another", lambda: b"") == b""


def test_an_entry_whose_time_cannot_be_set_is_there_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    KeptFolder(tmp_path).once("a", lambda: b"made")
    monkeypatch.setattr(os, "utime", refused)
    assert KeptFolder(tmp_path).once("a", never) == b"made"


def test_nothing_keeps_nothing() -> None:
    assert NOTHING.once("a", lambda: b"1") == b"1"
    assert NOTHING.once("a", lambda: b"2") == b"2"


def test_an_error_is_the_callers_and_keeps_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="made again"):
        KeptFolder(tmp_path).once("a", never)
    assert KeptFolder(tmp_path).once("a", lambda: b"made") == b"made"


@pytest.mark.parametrize("damage", ["empty", "truncated", "longer", "flipped", "text"])
def test_a_damaged_entry_counts_as_absent_and_is_replaced(tmp_path: Path, damage: str) -> None:
    kept = KeptFolder(tmp_path)
    kept.once("a", lambda: b"content")
    whole = entry(tmp_path).read_bytes()
    damages = {
        "empty": b"", "truncated": whole[:-1], "longer": whole + b"x", "flipped": whole[:-1] + b"x", "text": b"hello",
    }  # fmt: skip
    entry(tmp_path).write_bytes(damages[damage])
    assert kept.once("a", lambda: b"anew") == b"anew"
    assert kept.once("a", never) == b"anew"


def test_an_entry_under_another_keys_name_is_not_believed(tmp_path: Path) -> None:
    kept = KeptFolder(tmp_path)
    kept.once("a", lambda: b"of a")
    first = entry(tmp_path)
    kept.once("b", lambda: b"of b")
    (second,) = set(tmp_path.iterdir()) - {first}
    first.replace(second)
    assert kept.once("b", lambda: b"anew") == b"anew"


def test_the_entry_that_was_not_used_for_longest_goes_first_and_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    kept = KeptFolder(tmp_path, most_bytes=3500)
    for age, key in ((300, "old"), (200, "middle")):
        kept.once(key, lambda: bytes(1000))
        for path in tmp_path.iterdir():
            stamp = path.stat().st_mtime
            os.utime(path, (stamp - age, stamp - age))
    kept.once("old", never)  # used again: now it is the youngest
    for key in ("new", "newer"):
        kept.once(key, lambda: bytes(1000))
    kept.once("huge", lambda: bytes(3501))
    kept.once("newer", never)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 3500
    with pytest.raises(AssertionError, match="made again"):
        kept.once("middle", never)


def test_no_temporary_file_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptFolder(tmp_path)
    kept.once("a", lambda: b"made")

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(keep, "sealed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        kept.once("b", lambda: b"made")
    assert [path.suffix for path in tmp_path.iterdir()] == [".kept"]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert KeptFolder(tmp_path / "file").once("a", lambda: b"made") == b"made"


def test_an_entry_is_private(tmp_path: Path) -> None:
    KeptFolder(tmp_path).once("a", lambda: b"made")
    assert entry(tmp_path).stat().st_mode & 0o777 == 0o600


def test_the_folder_is_the_users_cache_unless_the_environment_names_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLPUCONV_CACHE", "/somewhere/else")
    assert default_cache_folder() == Path("/somewhere/else")
    monkeypatch.delenv("DLPUCONV_CACHE")
    assert default_cache_folder().name == "dlpuconv"
