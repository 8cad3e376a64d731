"""What opens a bucket, wherever a user puts it, reaches nothing that a batch of it writes or prints."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.batches.s3 import KEYS
from tests.e2e.support import MODEL

JOBS = """
[batch]
store = "{store}"
models = ["{model}"]
targets = ["cv25"]
calibration = "random"
effort = "fast"
"""


def ran(folder: Path, store: str, model: str) -> tuple[int, bytes]:
    """The exit status of a batch, and all that it printed and wrote into its folder, but for its file of jobs."""
    (folder / "jobs.toml").write_text(JOBS.format(store=store, model=model))
    done = subprocess.run(
        [sys.executable, "-m", "dlpuconv", "batch", "jobs.toml", "--output", "out"],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    written = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "jobs.toml"]
    return done.returncode, b"".join((done.stdout, done.stderr, *written))


def bucket_holds(words: tuple[str, ...], url: str) -> list[str]:
    """Files below a URL that have one of the words in them, or in their names."""
    import fsspec

    files, path = fsspec.core.url_to_fs(url)
    there = files.find(path)
    assert there
    return [name for name in there if any(word in name or word.encode() in files.cat_file(name) for word in words)]


@pytest.mark.slow
def test_keys_of_the_environment_are_in_no_record_no_file_and_no_log(s3: str, tmp_path: Path) -> None:
    import fsspec

    folder = f"{s3}/{uuid4().hex}"
    fsspec.filesystem("s3").put_file(str(MODEL.resolve()), f"{folder}/net.onnx")
    status, told = ran(tmp_path, f"{folder}/results", f"{folder}/net.onnx")
    assert status == 0, told
    assert b"1 job: 1 " in told
    assert not any(word.encode() in told for word in KEYS)
    assert bucket_holds(KEYS, folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("where", ["store", "model"])
def test_keys_in_a_url_are_in_no_record_no_file_and_no_log(s3: str, tmp_path: Path, where: str) -> None:
    """The library reads no keys from a URL, so nothing is found there; what is said of it must not tell them."""
    user, password = KEYS
    bucket = s3.removeprefix("s3://")
    url = f"s3://{user}:{password}@{bucket}"
    store, model = (url, str(MODEL)) if where == "store" else ("results", f"{url}/net.onnx")
    status, told = ran(tmp_path, store, model)
    assert status != 0
    assert bucket.encode() in told
    assert not any(word.encode() in told for word in KEYS)
