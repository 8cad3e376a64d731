"""What a job makes depends on no engine: neither on its number of workers, and so of threads, nor on whose it is."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

import dlpuconv
from dlpuconv.batches.job import BatchJob

NETWORK = """
<ir_version: 8, opset_import: ["" : 17]>
net (float[1,32,8,8] x) => (float[1,32,4,4] y) <float[32,32,3,3] w> { y = Conv <strides=[2,2], pads=[1,1,1,1]> (x, w) }
"""
POOL = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def make():
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))
"""
WAYS = {"one-worker": ("own", 1), "three-workers": ("own", 3), "a-pool-of-the-users": ("engine_pool:make", None)}


@pytest.fixture
def searching(tmp_path: Path) -> BatchJob:
    """A job that tries every kind of recipe, on a layer so wide that a library would share it among threads."""
    model, random = onnx.parser.parse_model(NETWORK), np.random.default_rng(0)
    weights = random.normal(0, 0.2, (32, 32, 3, 3)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(model, tmp_path / "net.onnx")
    np.savez(tmp_path / "samples.npz", x=random.random((24, 32, 8, 8), np.float32))
    return BatchJob(
        name="net.artpec8",
        model=str(tmp_path / "net.onnx"),
        target="artpec8",
        calibration=str(tmp_path / "samples.npz"),
        options={"effort": "best"},
    )


@pytest.mark.slow
def test_a_search_for_the_best_recipe_makes_the_same_bytes_on_every_engine(
    searching: BatchJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine_pool.py").write_text(POOL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{os.environ.get('PYTHONPATH', '')}:{tmp_path}".strip(":"))
    found = {}
    for way, (executor, workers) in WAYS.items():
        (record,) = dlpuconv.batch(
            [searching], store=tmp_path / way, executor=executor, workers=workers, progress=None
        ).records
        assert (record.error, record.sqnr_db is not None) == ("", True)
        found[way] = {name: file.sha256 for name, file in record.files.items()}
    first, *others = found.values()
    assert "net.artpec8.tflite" in first
    assert others == [first] * len(others)
