"""What a store promises, in a folder, in memory, and in a bucket."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import fsspec
import pytest

from dlpuconv.batches.store import open_store
from dlpuconv.batches.store.folder_shelf import FolderShelf
from dlpuconv.batches.store.remote_shelf import RemoteShelf
from dlpuconv.files.content import ContentStore, StoredFile
from tests.batches.store.examples import BYTES, key_of, record_of
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGE = (16 << 20) + 1  # bytes: what is larger than 16 MiB waits on disk


def put(url: str, name: str, content: bytes) -> None:
    """Somebody else's hand in the store."""
    files, root = fsspec.url_to_fs(url)
    files.makedirs(f"{root}/{name.rpartition('/')[0]}", exist_ok=True)
    files.pipe_file(f"{root}/{name}", content)


def everything(url: str) -> list[str]:
    files, root = fsspec.url_to_fs(url, use_listings_cache=False)
    return sorted(path.removeprefix(f"{root}/") for path in files.find(root))


def test_a_new_store_is_empty_and_looking_makes_nothing(url: str) -> None:
    store = open_store(url)
    assert store.keys() == frozenset()
    assert store.records() == {}
    assert store.record(key_of("a")) is None
    assert everything(url) == []


def test_a_record_and_its_files_come_back_in_another_process_word_for_word(url: str) -> None:
    record = record_of("a", BYTES)
    assert open_store(url).add(record, BYTES) == record
    store = pickle.loads(pickle.dumps(open_store(url)))
    assert store.record(record.key) == record
    assert store.keys() == {record.key}
    assert {name: store.artifact(file.sha256) for name, file in record.files.items()} == BYTES


def test_the_first_record_of_a_job_stays(url: str) -> None:
    first, second = record_of("a", verdict="pass"), record_of("a", verdict="fail")
    assert open_store(url).add(first, {}) == first
    assert open_store(url).add(second, {}) == first
    assert open_store(url).record(first.key) == first


def test_of_many_who_add_at_the_same_time_one_wins_and_all_hear_of_it(url: str) -> None:
    start = Barrier(8)

    def add(worker: int) -> str:
        start.wait()
        return open_store(url).add(record_of("a", BYTES, error=str(worker)), BYTES).error

    with ThreadPoolExecutor(8) as workers:
        heard = set(workers.map(add, range(8)))
    there = open_store(url).record(key_of("a"))
    assert there is not None
    assert heard == {there.error}


def test_all_records_or_some_are_read(url: str) -> None:
    store, records = open_store(url), {name: record_of(name) for name in ("a", "b", "c")}
    for record in records.values():
        store.add(record, {})
    assert store.records() == {record.key: record for record in records.values()}
    asked = [records["b"].key, key_of("nobody")]
    assert store.records(asked) == {records["b"].key: records["b"]}


def test_records_that_are_named_are_read_without_a_listing_of_all(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store, shelf = open_store(url), FolderShelf if "://" not in url else RemoteShelf
    for name in ("a", "b", "c"):
        store.add(record_of(name), {})

    def listed(*_: object) -> list[str]:
        raise AssertionError("all records were listed")

    monkeypatch.setattr(shelf, "names", listed)
    assert store.records([key_of("a"), key_of("nobody"), key_of("c")]).keys() == {key_of("a"), key_of("c")}


def test_jobs_share_a_file_of_the_same_content(url: str) -> None:
    store = open_store(url)
    store.add(record_of("a", {"one.bin": b"same"}), {"one.bin": b"same"})
    store.add(record_of("b", {"other.bin": b"same"}), {"other.bin": b"same"})
    assert [name for name in everything(url) if name.startswith("files/")] == [f"files/{key_of('same')}"]


def test_a_file_by_itself_is_put_under_its_hash_and_put_once(url: str) -> None:
    assert open_store(url).put(b"an input") == open_store(url).put(b"an input") == key_of("an input")
    assert open_store(url).artifact(key_of("an input")) == b"an input"
    assert [name for name in everything(url) if name.startswith("files/")] == [f"files/{key_of('an input')}"]


def test_a_large_file_is_put_and_read_without_being_in_memory(url: str) -> None:
    content = ContentStore().add(os.urandom(LARGE))
    store, record = open_store(url), record_of("a", {"big": content})
    store.add(record, {"big": content})
    found = store.artifact(content.sha256)
    assert isinstance(found, StoredFile)
    assert (found.sha256, found.size) == (content.sha256, LARGE)


def test_a_job_that_cannot_put_its_files_has_no_record(url: str) -> None:
    put(url, f"files/{key_of('whole')}", b"half")
    with raises_error("store-damaged", "4 bytes"):
        open_store(url).add(record_of("a", {"x": b"whole"}), {"x": b"whole"})
    assert open_store(url).keys() == frozenset()


def test_a_record_that_does_not_tell_of_its_files_is_a_fault(url: str) -> None:
    with pytest.raises(ValueError, match="does not tell of its files"):
        open_store(url).add(record_of("a", {"x": b"1"}), {"x": b"2"})
    assert everything(url) == []


def test_a_file_that_was_changed_or_lost_is_told(url: str) -> None:
    store, digest = open_store(url), key_of("whole")
    with raises_error("store-damaged", "files/"):
        store.artifact(digest)
    put(url, f"files/{digest}", b"other")
    with raises_error("store-damaged", "files/"):
        store.artifact(digest)
    with raises_error("store-damaged"):
        store.artifact("../records/x")


@pytest.mark.parametrize(
    ("content", "cause", "fact"),
    [
        (b"{", "store-damaged", "JSON"),
        (b"[]", "store-damaged", "JSON object"),
        (b"[" * 100_000, "store-damaged", "JSON"),
        (b"{}", "store-damaged", "format"),
        (b'{"format": 2}', "store-damaged", "up to 1"),
        (b'{"format": true}', "store-damaged", "format"),
        (b" " * (5 << 20), "store-unavailable", "larger than"),
    ],
    ids=["half", "list", "deep", "bare", "newer", "type", "huge"],
)
def test_a_record_that_is_none_is_one_sentence(url: str, content: bytes, cause: str, fact: str) -> None:
    put(url, f"records/{key_of('a')}.json", content)
    with raises_error(cause, fact):
        open_store(url).record(key_of("a"))
    with raises_error(cause, fact):
        open_store(url).records()


def test_what_lies_among_the_records_and_is_none_is_left_alone(url: str) -> None:
    put(url, "records/notes.txt", b"hello")
    put(url, "records/notes.json", b"hello")
    assert open_store(url).records() == {}


def test_a_store_of_another_layout_is_not_written(url: str) -> None:
    put(url, "store.json", b'{"layout": 2}')
    with raises_error("store-foreign"):
        open_store(url).add(record_of("a"), {})
    assert everything(url) == ["store.json"]


def test_what_was_made_once_is_read_by_all_and_an_error_is_the_callers(url: str) -> None:
    def fail() -> bytes:
        raise LookupError

    with pytest.raises(LookupError):
        open_store(url).once("key", fail)
    assert open_store(url).once("key", lambda: b"made") == b"made"
    assert open_store(url).once("key", fail) == b"made"
    assert open_store(url).once("other", lambda: b"") == b""
    assert [name for name in everything(url) if name.startswith("leases/")] == []


@pytest.mark.parametrize("damage", [b"", b"half", b"flipped", b"other"])
def test_shared_work_that_was_damaged_is_made_again_and_replaced(url: str, damage: bytes) -> None:
    open_store(url).once("key", lambda: b"made")
    open_store(url).once("another", lambda: b"wrong")
    shared = f"shared/{key_of('key')}"
    files, root = fsspec.url_to_fs(url)
    whole = files.cat_file(f"{root}/{shared}")
    damages: Mapping[bytes, bytes] = {
        b"": b"",
        b"half": whole[:-1],
        b"flipped": whole[:-1] + b"x",
        b"other": files.cat_file(f"{root}/shared/{key_of('another')}"),
    }
    put(url, shared, damages[damage])
    assert open_store(url).once("key", lambda: b"anew") == b"anew"
    assert open_store(url).once("key", lambda: b"never") == b"anew"
