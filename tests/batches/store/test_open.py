"""What a store is called, and what is said where there is none."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, override
from uuid import uuid4

import fsspec
import pytest
from fsspec import AbstractFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from dlpuconv.batches.store import open_store
from tests.batches.store.examples import BYTES, key_of, record_of
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_folder_is_a_path_or_a_url_and_needs_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    folder = tmp_path / "a b"
    open_store(folder).add(record_of("a"), {})
    monkeypatch.chdir(tmp_path)
    assert open_store("a b").keys() == open_store(folder.as_uri()).keys() == {key_of("a")}


def test_a_folder_that_is_named_relatively_is_the_same_one_for_a_worker_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    here.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(here)
    store = open_store("results")
    sent = pickle.dumps(store)
    monkeypatch.chdir(elsewhere)
    pickle.loads(sent).add(record_of("a"), {})
    open_store(store.url).add(record_of("b"), {})
    assert store.keys() == {key_of("a"), key_of("b")}
    assert list(elsewhere.iterdir()) == []


def test_a_url_without_fsspec_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with raises_error("library-missing", "s3://bucket/x", "fsspec", '"dlpuconv[batch]"'):
        open_store("s3://key:word@bucket/x")


@pytest.mark.parametrize(
    ("url", "cause", "facts"),
    [
        ("s4://bucket/x", "store-protocol-unknown", ["s4://", "(did you mean 's3'?)"]),
        ("zip://x::/no/such.zip", "store-unavailable", ["zip://x::/no/such.zip"]),
        ("s4://key:word@bucket/x", "store-protocol-unknown", ["s4://bucket/x"]),
    ],
)
def test_what_cannot_be_a_store_is_refused_at_once(url: str, cause: str, facts: list[str]) -> None:
    with raises_error(cause, *facts) as refused:
        open_store(url)
    assert "word" not in str(refused.value)


@pytest.mark.usefixtures("s3")
def test_a_bucket_that_is_not_there_is_one_sentence_without_credentials() -> None:
    store = open_store(f"s3://no-such-bucket-{uuid4().hex}/x")
    assert store.keys() == frozenset()
    with raises_error("store-unavailable", "s3://no-such-bucket-") as failed:
        store.add(record_of("a"), {})
    assert os.environ["AWS_SECRET_ACCESS_KEY"] not in str(failed.value)


class Hasty(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Puts files as fsspec does for file systems that say nothing of it: in two steps."""

    protocol = "hasty"
    pipe_file = AbstractFileSystem.pipe_file


class Careless(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Does not do what it is asked, as buckets that know no conditions."""

    protocol = "careless"

    @override
    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **kwargs: Any) -> None:
        super().pipe_file(path.removeprefix("careless:/"), value)


@pytest.mark.parametrize("files", [Hasty, Careless])
def test_a_store_that_cannot_refuse_to_replace_a_file_is_refused(files: type[MemoryFileSystem]) -> None:
    fsspec.register_implementation(files.protocol, files, clobber=True)
    with raises_error("store-not-exclusive", files.protocol):
        open_store(f"{files.protocol}://{uuid4().hex}").add(record_of("a"), {})


def linked_record(store: Path, outside: Path) -> None:
    record = store / "records" / f"{key_of('a')}.json"
    (outside / "record").write_bytes(record.read_bytes())
    record.unlink()
    record.symlink_to(outside / "record")


def dangling_record(store: Path, outside: Path) -> None:
    record = store / "records" / f"{key_of('a')}.json"
    record.unlink()
    record.symlink_to(outside / "nothing")


def piped_record(store: Path, _outside: Path) -> None:
    record = store / "records" / f"{key_of('a')}.json"
    record.unlink()
    os.mkfifo(record)


@pytest.mark.parametrize("change", [linked_record, dangling_record, piped_record])
def test_a_link_out_of_the_folder_or_a_pipe_in_it_is_not_followed(
    tmp_path: Path, change: Callable[[Path, Path], None]
) -> None:
    folder, outside = tmp_path / "store", tmp_path / "outside"
    outside.mkdir()
    open_store(folder).add(record_of("a"), {})
    change(folder, outside)
    with raises_error("store-unavailable", "records/"):
        open_store(folder).record(key_of("a"))


def test_nothing_half_written_has_a_name_and_what_the_dead_left_goes_after_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, link = tmp_path / "store", os.link

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", killed)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # as if it had been SIGKILL
    with pytest.raises(KeyboardInterrupt):
        open_store(folder).add(record_of("a", BYTES), BYTES)
    monkeypatch.undo()
    assert os.link is link
    assert [path.parent.name for path in folder.rglob("*") if path.is_file()] == ["unfinished"]
    (left,) = (folder / "unfinished").iterdir()
    open_store(folder).add(record_of("a", BYTES), BYTES)
    assert list((folder / "unfinished").iterdir()) == [left], "another machine may write it, whose locks are not seen"
    os.utime(left, (0, left.stat().st_mtime - 86401))
    open_store(folder).add(record_of("b", BYTES), BYTES)
    assert list((folder / "unfinished").iterdir()) == []


def test_a_store_shows_itself_without_what_opens_it() -> None:
    assert repr(open_store("memory://user:word@x")) == "<ShelvedStore memory://x>"
