"""A job's key: contents and versions count, paths and names do not."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from dlpuconv.batches import identity, versions
from dlpuconv.batches.identity import Identities, under
from dlpuconv.batches.job import Allowance, BatchJob
from dlpuconv.batches.versions import deciding_versions


@pytest.fixture
def job(tmp_path: Path) -> BatchJob:
    model, images = tmp_path / "m.onnx", tmp_path / "images"
    model.write_bytes(b"a model")
    images.mkdir()
    (images / "1.png").write_bytes(b"one")
    (images / "2.png").write_bytes(b"two")
    return BatchJob(name="m", model=str(model), target="artpec8", calibration=str(images), options={"effort": "fast"})


def key(job: BatchJob) -> str:
    return Identities().of(job).key


def test_a_moved_and_renamed_model_has_the_same_key(job: BatchJob, tmp_path: Path) -> None:
    before = key(job)
    (tmp_path / "m.onnx").rename(tmp_path / "n.onnx")
    (tmp_path / "images").rename(tmp_path / "pictures")
    moved = replace(job, name="n", model=str(tmp_path / "n.onnx"), calibration=str(tmp_path / "pictures"))
    assert key(moved) == before


@pytest.mark.parametrize(
    "change",
    [
        {"target": "artpec9"}, {"options": {"effort": "best"}}, {"options": {}}, {"calibration": "none"},
        {"validation": "random"}, {"options": {"effort": "fast", "granularity": "per-tensor"}},
    ],
)  # fmt: skip
def test_whatever_is_asked_otherwise_has_another_key(job: BatchJob, change: dict[str, Any]) -> None:
    assert key(replace(job, **change)) != key(job)


@pytest.mark.parametrize("file", ["m.onnx", "images/2.png", "images/3.png"])
def test_another_content_has_another_key(job: BatchJob, tmp_path: Path, file: str) -> None:
    before = key(job)
    (tmp_path / file).write_bytes(b"another")
    assert key(job) != before


def test_the_cache_and_the_names_decide_nothing(job: BatchJob) -> None:
    other = replace(job, name="x", axes={"model": "x"}, options={"effort": "fast", "cache": False})
    assert key(other) == key(job)


def test_weights_beside_a_model_count(tmp_path: Path) -> None:
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["": 13]> g (float[2] x) => (float[2] y) { y = Add(x, w) }'
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    onnx.save_model(model, tmp_path / "m.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    asked = BatchJob(name="m", model=str(tmp_path / "m.onnx"), target="artpec8")
    before = key(asked)
    (tmp_path / "w.bin").write_bytes(np.zeros(2, np.float32).tobytes())
    assert key(asked) != before


def test_the_source_of_a_metric_counts(job: BatchJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_metric_of_a_batch.py").write_text("def top1(predict): return 1")
    scored = replace(job, options={"metric": "my_metric_of_a_batch:top1"})
    before = key(scored)
    (tmp_path / "my_metric_of_a_batch.py").write_text("def top1(predict): return 2")
    assert key(scored) != before
    assert key(replace(job, options={"metric": "my_metric_of_a_batch:top5"})) not in (before, key(scored))


def test_what_cannot_be_read_has_a_key_until_it_can(job: BatchJob, tmp_path: Path) -> None:
    missing = replace(job, model=str(tmp_path / "later.onnx"))
    before = key(missing)
    (tmp_path / "later.onnx").write_bytes(b"a model")
    assert before != key(missing) == key(job)


def test_two_that_cannot_be_read_are_two(job: BatchJob, tmp_path: Path) -> None:
    missing = [replace(job, calibration=str(tmp_path / name)) for name in ("one", "other")]
    assert key(missing[0]) != key(missing[1])


def test_beside_what_cannot_be_read_the_other_files_of_a_folder_count(job: BatchJob, tmp_path: Path) -> None:
    (tmp_path / "images" / "notes.txt").symlink_to("nowhere")
    before = key(job)
    (tmp_path / "images" / "2.png").write_bytes(b"another")
    assert key(job) != before


@pytest.mark.parametrize(
    ("file", "name"), [("m.onnx", "m.pt2"), ("images/2.png", "images/2.off"), ("images/1.png", "images/.1.png")]
)
def test_a_name_that_says_how_a_file_is_read_counts(job: BatchJob, tmp_path: Path, file: str, name: str) -> None:
    before = key(job)
    (tmp_path / file).rename(tmp_path / name)
    assert key(replace(job, model=str(next(tmp_path.glob("m.*"))))) != before


@pytest.mark.parametrize("file", ["metrics_of_a_batch/top.py", "metrics_of_a_batch/top/__init__.py"])
@pytest.mark.parametrize("installed", [True, False])
def test_the_source_of_a_metric_in_a_package_counts(
    job: BatchJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, *, installed: bool
) -> None:
    source = tmp_path / file
    source.parent.mkdir(parents=True)
    (tmp_path / "metrics_of_a_batch" / "__init__.py").write_text("raise AssertionError('imported')")
    source.write_text("def top1(predict): return 1")
    if installed:
        monkeypatch.syspath_prepend(tmp_path)
    else:
        monkeypatch.chdir(tmp_path)
    scored = replace(job, options={"metric": "metrics_of_a_batch.top:top1"})
    before = key(scored)
    source.write_text("def top1(predict): return 2")
    assert key(scored) != before


def test_a_pipe_in_a_folder_of_images_is_not_waited_for(job: BatchJob, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "images" / "3.png")
    assert key(job)


def test_each_content_is_hashed_once_for_all_jobs(job: BatchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    hashed = identity._hash_of

    def counted(path: Path) -> str:
        read.append(path.name)
        return hashed(path)

    monkeypatch.setattr(identity, "_hash_of", counted)
    identities = Identities()
    for number in range(84):
        identities.of(replace(job, name=str(number)))
    assert read == ["m.onnx", "images"]


def test_the_versions_name_what_decides() -> None:
    found = deciding_versions("artpec8", "")
    assert {"dlpuconv", "numpy", "onnx", "onnxruntime"} <= found.keys()
    assert json.dumps(dict(found))


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("passes/one.py", True),
        ("batches/options.py", True),
        ("batches/conversion_worker.py", True),
        ("reporting/templates/report.html", True),
        ("delivery/templates/README.md.j2", True),
        ("batches/flight.py", False),
        ("cli/main.py", False),
        ("passes/__pycache__/one.cpython-312.pyc", False),
    ],
)
def test_what_decides_of_this_programs_own_files_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, *, counts: bool
) -> None:
    def digest() -> str:
        return versions._source_digest.__wrapped__()  # each process works out its own once

    monkeypatch.setattr("dlpuconv.__file__", str(tmp_path / "__init__.py"))
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text("one")
    before = digest()
    (tmp_path / file).write_text("another")
    assert (digest() != before) is counts


def test_other_limits_are_another_try() -> None:
    limits = Allowance(memory=1, seconds=1)
    assert under("k", limits) != under("k", replace(limits, seconds=2)) != "k"
    assert under("k", limits) == under("k", replace(limits, threads=5))
