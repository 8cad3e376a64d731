"""Inputs wherever fsspec reads: found by globs, copied whole, converted as files of this machine are."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import uuid4

import fsspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from dlpuconv.batches.engines import open_engine
from dlpuconv.batches.identity import Identities, content_of
from dlpuconv.batches.inputs import gathered
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.matrix import read_plan
from dlpuconv.batches.places import fetch, matches
from dlpuconv.batches.record import Outcome
from dlpuconv.batches.scheduler import run
from dlpuconv.batches.store import open_store
from dlpuconv.errors import ModelError, UsageError
from tests.e2e.support import IMAGES, MODEL


@pytest.fixture
def remote() -> str:
    """The URL of a folder with two models and three pictures."""
    url = f"memory://{uuid4().hex}"
    for name in ("nets/b.onnx", "nets/a.onnx", "nets/notes.txt", "images/1.png", "images/inner/2.png"):
        _put(f"{url}/{name}", name.encode())
    return url


def _put(url: str, content: bytes) -> None:
    files, path = fsspec.url_to_fs(url)
    files.pipe_file(path, content)


def test_a_glob_of_urls_finds_what_is_there_in_the_order_of_names(remote: str) -> None:
    assert matches(f"{remote}/nets/*.onnx") == [f"{remote}/nets/a.onnx", f"{remote}/nets/b.onnx"]
    assert matches(f"{remote}/nets/*.pt2") == []
    assert matches(f"{remote}/nets/a.onnx") == [f"{remote}/nets/a.onnx"]


def test_models_by_a_glob_of_urls_are_jobs_of_their_names(remote: str) -> None:
    found = read_plan({"batch": {"models": [f"{remote}/nets/*.onnx"], "targets": ["cv25"]}})
    assert [(job.name, job.model) for job in found.jobs] == [
        ("a.cv25", f"{remote}/nets/a.onnx"),
        ("b.cv25", f"{remote}/nets/b.onnx"),
    ]
    with pytest.raises(UsageError, match=r"there is no model 'memory://.*/nets/\*\.pt2'"):
        read_plan({"batch": {"models": [f"{remote}/nets/*.pt2"], "targets": ["cv25"]}})


def test_a_file_and_a_folder_arrive_by_their_own_names(remote: str, tmp_path: Path) -> None:
    job = BatchJob(name="a", model=f"{remote}/nets/a.onnx", target="cv25", calibration=f"{remote}/images")
    given = gathered(job, open_store(tmp_path / "store"), {}, tmp_path / "here")
    model, images = Path(given["model"]), Path(given["calibration"])
    assert (model.name, model.read_bytes()) == ("a.onnx", b"nets/a.onnx")
    assert sorted(str(file.relative_to(images)) for file in images.rglob("*.png")) == ["1.png", "inner/2.png"]


def test_weights_beside_a_remote_model_come_with_it_and_count(tmp_path: Path) -> None:
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["": 13]> g (float[2] x) => (float[2] y) { y = Add(x, w) }'
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    url = f"memory://{uuid4().hex}"
    for name in ("m.onnx", "w.bin"):
        _put(f"{url}/{name}", (tmp_path / name).read_bytes())
    copy = tmp_path / "copy"
    copy.mkdir()
    assert numpy_helper.to_array(onnx.load(fetch(f"{url}/m.onnx", copy)).graph.initializer[0]).tolist() == [1, 1]
    job = BatchJob(name="m", model=f"{url}/m.onnx", target="cv25")
    before = Identities().of(job).key
    assert before == Identities().of(BatchJob(name="m", model=str(tmp_path / "m.onnx"), target="cv25")).key
    _put(f"{url}/w.bin", np.zeros(2, np.float32).tobytes())
    assert Identities().of(job).key != before


def test_a_url_of_this_machines_files_is_the_path(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(b"a model")
    found = read_plan({"batch": {"models": [f"{folder.as_uri()}/*.onnx"], "targets": ["cv25"]}})
    assert [job.model for job in found.jobs] == [str(folder / "m.onnx")]


def test_a_place_that_cannot_be_listed_is_one_sentence_without_credentials() -> None:
    with pytest.raises(ModelError, match=r"cannot be listed") as refused:
        matches("zip://*.onnx::memory://anna:word@nobody/put/this.zip")
    assert "word" not in str(refused.value)


def test_a_mistyped_scheme_and_a_library_that_is_missing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"s4://bucket/\*\.onnx: fsspec knows no s4:// \(did you mean 's3'\?\)"):
        matches("s4://key:word@bucket/*.onnx")
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    for asked in (matches, content_of):
        with pytest.raises(
            UsageError, match=r"s3://bucket/\*\.onnx needs a library that is not installed: Install s3fs"
        ):
            asked("s3://key:word@bucket/*.onnx")


@pytest.mark.slow
def test_a_batch_of_urls_makes_what_a_batch_of_paths_makes(tmp_path: Path) -> None:
    url = f"memory://{uuid4().hex}"
    _put(f"{url}/nets/net.onnx", MODEL.read_bytes())
    for image in sorted(IMAGES.iterdir()):
        _put(f"{url}/images/{image.name}", image.read_bytes())
    (tmp_path / "net.onnx").write_bytes(MODEL.read_bytes())
    usual = {"targets": ["cv25"], "effort": "fast", "preset": "imagenet"}
    plan = read_plan({"batch": {"models": [f"{url}/nets/*.onnx"], "calibration": f"{url}/images", **usual}})
    store = open_store(tmp_path / "store")
    with open_engine("own", 1) as engine:
        (record,) = run(plan.jobs, store, engine)
    assert record.outcome is Outcome.CONVERTED, record.error
    here = read_plan({"batch": {"models": [str(tmp_path / "net.onnx")], "calibration": str(IMAGES), **usual}})
    assert Identities().of(here.jobs[0]).key == record.key
