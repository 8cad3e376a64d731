from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path

from dlpuconv.delivery import write_all
from dlpuconv.files.content import ContentStore, lend_content, sha256_of, size_of, write_content


def test_a_stored_file_stays_as_long_as_somebody_holds_it() -> None:
    stored = ContentStore().add(b"pixels")
    gc.collect()
    assert stored.path.read_bytes() == b"pixels"
    place = stored.path
    del stored
    gc.collect()
    assert not place.exists()
    assert not place.parent.exists()


def test_content_may_come_in_pieces() -> None:
    stored = ContentStore().collect(part for part in (b"pi", memoryview(b"xels")))
    assert stored.path.read_bytes() == b"pixels"
    assert (stored.size, stored.sha256) == (6, hashlib.sha256(b"pixels").hexdigest())


def test_size_and_digest_are_those_of_the_bytes_wherever_they_are() -> None:
    content = b"x" * 70_000
    stored = ContentStore().add(content)
    assert (size_of(stored), sha256_of(stored)) == (70_000, hashlib.sha256(content).hexdigest())
    assert (size_of(content), sha256_of(content)) == (size_of(stored), sha256_of(stored))


def test_stored_files_are_delivered_beside_bytes(tmp_path: Path) -> None:
    write_all(tmp_path, {"pkg/a.bin": ContentStore().add(b"1"), "pkg/b.bin": b"2"}, force=False)
    assert {p.name: p.read_bytes() for p in (tmp_path / "pkg").iterdir()} == {"a.bin": b"1", "b.bin": b"2"}


def test_a_script_can_be_run_and_other_files_cannot(tmp_path: Path) -> None:
    write_content(b"#!/bin/sh\n", tmp_path / "run.sh")
    write_content(b"#!pixels", tmp_path / "input_x.bin")
    assert os.access(tmp_path / "run.sh", os.X_OK)
    assert not os.access(tmp_path / "input_x.bin", os.X_OK)


def test_what_is_only_read_is_lent_without_a_copy(tmp_path: Path) -> None:
    stored = ContentStore().add(b"pixels")
    lend_content(stored, tmp_path / "lent")
    lend_content(b"pixels", tmp_path / "bytes")
    write_content(stored, tmp_path / "written")
    assert [(tmp_path / name).read_bytes() for name in ("lent", "bytes", "written")] == [b"pixels"] * 3
    assert (tmp_path / "written").stat().st_nlink == 1
