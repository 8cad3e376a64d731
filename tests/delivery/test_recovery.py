"""Deliveries that were cut short: who refuses to read them, who makes an end of them, and who waits for whom."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

import dlpuconv
from dlpuconv.cli import main
from dlpuconv.delivery import recover, write_all, writer
from dlpuconv.delivery.exchange import exchange
from dlpuconv.delivery.journal import Item, Journal, digest_of, digest_to_be
from dlpuconv.errors import ArtifactError
from tests.error_ids import raises_error

TFLITE, MANIFEST = "m.artpec8.tflite", "m.artpec8.json"


def begin(out: Path, *, existed: bool = True) -> Path:
    """A delivery of two files that a kill ended before the second was replaced; its staging folder."""
    staging = out / ".dlpuconv-deaddead"
    for folder in ("new", "old"):
        (staging / folder).mkdir(parents=True)
    (staging / "new" / TFLITE).write_bytes(b"new")
    (out / MANIFEST).write_bytes(b"new")
    if existed:
        (out / TFLITE).write_bytes(b"old")
        (staging / "old" / MANIFEST).write_bytes(b"old")
    digest = digest_to_be({"": b"new"})
    names = (MANIFEST, TFLITE)
    Journal(staging=staging, items=tuple(Item(name=name, digest=digest, existed=existed) for name in names)).write()
    return staging


READERS: list[Callable[[Path], object]] = [
    lambda path: dlpuconv.inspect(path),
    lambda path: dlpuconv.verify(path, target="artpec8"),
    lambda path: dlpuconv.compare(path, path),
]


@pytest.mark.parametrize("read", READERS, ids=["inspect", "verify", "compare"])
def test_who_reads_a_file_that_may_be_old_or_new_refuses_and_says_what_to_do(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    begin(tmp_path)
    with raises_error("artifact-unfinished"):
        read(tmp_path / TFLITE)


def test_a_file_that_the_interrupted_delivery_does_not_name_is_read(tmp_path: Path) -> None:
    begin(tmp_path)
    other = tmp_path / "other.tflite"
    other.write_bytes(b"x")
    with raises_error("artifact-not-tflite") as refused:
        dlpuconv.inspect(other)
    assert "interrupted" not in str(refused.value)


def test_the_command_line_refuses_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin(tmp_path)
    assert main(["inspect", str(tmp_path / TFLITE)]) == ArtifactError.status
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {TFLITE} ")
    assert printed.endswith("[artifact-unfinished]\n")
    assert len(printed.splitlines()) == 1


def test_what_began_to_replace_older_files_is_completed(tmp_path: Path) -> None:
    begin(tmp_path)
    recover(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {TFLITE: b"new", MANIFEST: b"new"}


def test_it_is_undone_where_a_file_is_gone_that_was_to_come(tmp_path: Path) -> None:
    staging = begin(tmp_path)
    (staging / "new" / TFLITE).unlink()
    recover(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {TFLITE: b"old", MANIFEST: b"old"}


def test_a_first_delivery_that_did_not_get_far_is_undone(tmp_path: Path) -> None:
    begin(tmp_path, existed=False)
    recover(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("journal", ["", "[]", '{"items": [{"name": "../x"}]}', '{"items": 1, "outdated": []}'])
def test_a_journal_that_is_none_is_waste(tmp_path: Path, journal: str) -> None:
    staging = begin(tmp_path)
    (staging / "journal.json").write_text(journal)
    recover(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [MANIFEST, TFLITE]


def test_a_journal_leads_to_no_other_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    staging = begin(out)
    content = json.loads((staging / "journal.json").read_text())
    (tmp_path / "victim").write_bytes(b"1")
    content["outdated"] = ["../victim"]
    (staging / "journal.json").write_text(json.dumps(content))
    recover(out)
    assert (tmp_path / "victim").read_bytes() == b"1"


@pytest.mark.parametrize("part", ["new", "old"])
def test_a_link_in_a_staging_folder_leads_to_no_other_folder(tmp_path: Path, part: str) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    staging = begin(out)
    (staging / part).rename(elsewhere)
    (staging / part).symlink_to(elsewhere)
    before = {path.name: path.read_bytes() for path in elsewhere.iterdir()}
    recover(out)
    assert {path.name: path.read_bytes() for path in elsewhere.iterdir()} == before
    assert sorted(os.listdir(out)) == [MANIFEST, TFLITE]


def test_links_and_folders_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis").write_bytes(b"1")
    out.mkdir()
    (out / ".dlpuconv-linklink").symlink_to(elsewhere)
    (out / ".dlpuconv-notes").mkdir()
    recover(out)
    assert sorted(os.listdir(out)) == [".dlpuconv-linklink", ".dlpuconv-notes"]
    assert (elsewhere / "thesis").exists()
    begin(out)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    recover(out)
    assert (out / ".dlpuconv-deaddead").is_dir()


HOLD = """
import sys
from pathlib import Path
from dlpuconv.files.locks import try_lock
held = try_lock(Path(sys.argv[1]))
print(flush=True)
sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[bytes]:
    """A process that has the folder to itself."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def test_a_run_waits_for_another_and_takes_over_when_that_is_dead(tmp_path: Path) -> None:
    begin(tmp_path)
    with holder(tmp_path) as process, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(write_all, tmp_path, {TFLITE: b"newer"}, force=True)
        assert not waiting.done()
        assert (tmp_path / TFLITE).read_bytes() == b"old"
        process.kill()
        waiting.result()
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {
        TFLITE: b"newer",
        MANIFEST: b"new",
    }


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_PATIENCE_S", -1)
    with holder(tmp_path) as process:
        with raises_error("output-busy"):
            write_all(tmp_path, {TFLITE: b"new"}, force=True)
        process.kill()
    assert os.listdir(tmp_path) == []


def write_often(folder: Path, word: bytes) -> None:
    for _ in range(5):
        write_all(folder, {**{f"{number}.bin": word for number in range(4)}, "package/a": word}, force=True)


def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for done in [pool.submit(write_often, tmp_path, word) for word in (b"a", b"b")]:
            done.result()
    assert len({path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}) == 1
    assert sorted(os.listdir(tmp_path)) == ["0.bin", "1.bin", "2.bin", "3.bin", "package"]


def test_files_are_written_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(_: Path) -> None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))

    monkeypatch.setattr(writer, "try_lock", unsupported)
    write_all(tmp_path, {TFLITE: b"new"}, force=False)
    assert os.listdir(tmp_path) == [TFLITE]


def test_where_files_can_neither_be_replaced_nor_put_back_the_next_run_completes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.bin", "b.bin"):
        (tmp_path / name).write_bytes(b"old")
    real = Path.replace

    def flaky(source: Path, destination: Path) -> Path:
        if source.name == "b.bin" or source.parent.name == "old":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(source, destination)

    monkeypatch.setattr(Path, "replace", flaky)
    with raises_error("output-not-writable", "some files were replaced and others not"):
        write_all(tmp_path, {"a.bin": b"new", "b.bin": b"new"}, force=True)
    monkeypatch.undo()
    recover(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == {"a.bin": b"new", "b.bin": b"new"}


def test_two_folders_change_places_where_the_system_can_do_that(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"was_{name}").touch()
    if exchange(tmp_path / "a", tmp_path / "b"):
        assert os.listdir(tmp_path / "a") == ["was_b"]
        assert os.listdir(tmp_path / "b") == ["was_a"]
    else:
        assert os.listdir(tmp_path / "a") == ["was_a"]


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, None])
def test_a_system_that_cannot_exchange_changes_nothing_and_folders_are_replaced_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    class Library:
        if code is not None:
            renameat2 = staticmethod(lambda *_: -1)

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library())
    monkeypatch.setattr(ctypes, "get_errno", lambda: code)
    write_all(tmp_path, {"package/a": b"old"}, force=False)
    write_all(tmp_path, {"package/b": b"new"}, force=True)
    assert os.listdir(tmp_path) == ["package"]
    assert os.listdir(tmp_path / "package") == ["b"]


def test_names_that_cannot_be_exchanged_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "a", tmp_path / "b")


def test_a_digest_is_the_content_s_with_its_names(tmp_path: Path) -> None:
    files = {"pkg/b": b"2", "pkg/a/c": b"1"}
    write_all(tmp_path, files, force=False)
    inside = {name.removeprefix("pkg/"): content for name, content in files.items()}
    assert digest_of(tmp_path / "pkg") == digest_to_be(inside) != digest_to_be({"b": b"1", "a/c": b"2"})
    assert digest_of(tmp_path / "pkg" / "b") == digest_to_be({"": b"2"})
    (tmp_path / "link").symlink_to(tmp_path / "pkg")
    assert digest_of(tmp_path / "link") == digest_of(tmp_path / "nothing") == ""
