"""Inputs on their way to a worker that sees nothing but the store."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from dlpuconv.batches.identity import Identities
from dlpuconv.batches.inputs import carry, gathered
from dlpuconv.batches.job import BatchJob
from dlpuconv.batches.store import open_store
from dlpuconv.batches.store.store import Store
from dlpuconv.errors import StoreError


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def arrived(job: BatchJob, store: Store, here: Path, there: Path) -> dict[str, Path]:
    """Paths of a job's inputs where the machine's own files are gone."""
    carried = carry(Identities().of(job), store, {})
    shutil.rmtree(here)
    given = gathered(job, store, carried, there)
    return {what: Path(given[what]) for what in ("model", "calibration")}


def save_with_weights(file: Path, weights: str) -> None:
    """A model of two ones, which it keeps in a file beside it."""
    model = parser.parse_model(
        '<ir_version: 8, opset_import: ["": 13]> g (float[2] x) => (float[2] y) { y = Add(x, w) }'
    )
    model.graph.initializer.append(numpy_helper.from_array(np.ones(2, np.float32), "w"))
    onnx.save_model(model, file, save_as_external_data=True, location=weights, size_threshold=0)


def test_a_model_arrives_with_its_weights_whatever_they_are_called(here: Path, store: Store, tmp_path: Path) -> None:
    save_with_weights(here / "m.onnx", "a.onnx")
    found = arrived(BatchJob(name="m", model=str(here / "m.onnx"), target="cv25"), store, here, tmp_path / "there")
    assert found["model"].name == "m.onnx"
    assert numpy_helper.to_array(onnx.load(found["model"]).graph.initializer[0]).tolist() == [1, 1]


def test_weights_that_are_links_arrive_by_the_names_that_the_model_has_for_them(
    here: Path, store: Store, tmp_path: Path
) -> None:
    """As in a cache of downloads, which keeps files by their content."""
    save_with_weights(here / "m.onnx", "sub.data")
    (here / "blobs").mkdir()
    for name, content in (("m.onnx", "aaaa"), ("sub.data", "bbbb")):
        (here / name).rename(here / "blobs" / content)
        (here / name).symlink_to(Path("blobs") / content)
    found = arrived(BatchJob(name="m", model=str(here / "m.onnx"), target="cv25"), store, here, tmp_path / "there")
    assert numpy_helper.to_array(onnx.load(found["model"]).graph.initializer[0]).tolist() == [1, 1]


def test_a_folder_arrives_with_what_can_be_read_of_it(here: Path, store: Store, tmp_path: Path) -> None:
    (here / "m.onnx").write_bytes(b"a model")
    images = here / "images"
    (images / "inner").mkdir(parents=True)
    (images / "1.png").write_bytes(b"one")
    (images / "inner" / "2.png").write_bytes(b"two")
    (images / "nowhere.png").symlink_to("nothing")
    os.mkfifo(images / "pipe.png")
    job = BatchJob(name="m", model=str(here / "m.onnx"), target="cv25", calibration=str(images))
    found = arrived(job, store, here, tmp_path / "there")["calibration"]
    assert {str(file.relative_to(found)): file.read_bytes() for file in found.rglob("*") if file.is_file()} == {
        "1.png": b"one",
        "inner/2.png": b"two",
    }


def test_an_empty_folder_arrives_empty(here: Path, store: Store, tmp_path: Path) -> None:
    (here / "m.onnx").write_bytes(b"a model")
    (here / "images").mkdir()
    job = BatchJob(name="m", model=str(here / "m.onnx"), target="cv25", calibration=str(here / "images"))
    found = arrived(job, store, here, tmp_path / "there")["calibration"]
    assert found.is_dir()
    assert list(found.iterdir()) == []


def test_an_input_that_was_changed_since_the_batch_began_is_not_handed_on(here: Path, store: Store) -> None:
    (here / "m.onnx").write_bytes(b"a model")
    identified = Identities().of(BatchJob(name="m", model=str(here / "m.onnx"), target="cv25"))
    assert carry(identified, store, {}).keys() == {str(here / "m.onnx")}
    (here / "m.onnx").write_bytes(b"another")
    assert carry(identified, store, {}) == {}


def test_an_input_that_the_store_cannot_take_ends_the_batch_at_once(here: Path) -> None:
    (here / "m.onnx").write_bytes(b"a model")
    (here / "file").write_bytes(b"no folder")
    job = BatchJob(name="m", model=str(here / "m.onnx"), target="cv25")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        carry(Identities().of(job), open_store(here / "file"), {})
