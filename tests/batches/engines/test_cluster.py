"""Dask, as it is: a scheduler and workers in processes of their own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dlpuconv.batches.engines import open_engine
from dlpuconv.batches.engines.cluster import cluster_engine
from dlpuconv.batches.matrix import read_plan
from dlpuconv.batches.record import Outcome
from dlpuconv.batches.scheduler import run
from dlpuconv.batches.store import open_store
from tests.e2e.support import MODEL
from tests.error_ids import raises_error
from tests.whole_zoo import SMALL

pytest.importorskip("distributed")

NAMES = sorted(file.parent.name for file in SMALL.glob("*/model.onnx"))


def _started(command: tuple[str, ...], folder: Path, stack: ExitStack) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder
    )
    assert process.stderr is not None
    stack.callback(process.stderr.close)
    stack.callback(process.wait)
    stack.callback(process.send_signal, signal.SIGKILL)
    return process


def _line(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line of its log that fits; nothing is read behind it, so the log is short or the process slow."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(pattern, line):
            return found
    pytest.fail(f"no line with {pattern}")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A scheduler with two workers of one thread each."""
    with ExitStack() as stack:
        scheduler = _started(
            ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"), tmp_path, stack
        )
        found = _line(scheduler, r"Scheduler at:\s*tcp://(\S+)")[1]
        for number in range(2):
            worker = _started(
                ("distributed.cli.dask_worker", found, "--nthreads", "1", "--no-nanny", "--no-dashboard",
                 "--name", f"w{number}", "--local-directory", str(tmp_path / f"w{number}")), tmp_path, stack
            )  # fmt: skip
            _line(worker, r"Registered to:")
        yield found


@pytest.mark.slow
def test_a_cluster_of_processes_converts_the_zoo(address: str, tmp_path: Path) -> None:
    """For the chip that takes least time, and one model for one that takes every kind of worker."""
    plan = read_plan(
        {
            "batch": {
                "models": str(SMALL / "*" / "model.onnx"), "targets": ["cv25"], "calibration": "random",
                "effort": "fast",
            },
            "include": [{"model": str(SMALL / NAMES[0] / "model.onnx"), "target": "artpec8"}],
        }
    )  # fmt: skip
    store = open_store(tmp_path / "store")
    with open_engine(f"dask://{address}") as engine:
        assert (engine.slots, engine.distant) == (2, True)
        found = {record.name: record for record in run(plan.jobs, store, engine, limits=plan.limits)}
        again = list(run(plan.jobs, store, engine, limits=plan.limits))
    assert len(NAMES) == 8
    assert found.keys() == {f"{name}-model.cv25" for name in NAMES} | {f"{NAMES[0]}-model.artpec8"}
    assert {record.outcome for record in found.values()} == {Outcome.CONVERTED}, [r.error for r in found.values()]
    assert {record.name: record for record in again} == found
    made = found[f"{NAMES[0]}-model.artpec8"]
    assert made.files["model.artpec8.tflite"].size == made.artifact_size


@pytest.mark.slow
def test_a_cluster_of_this_machine_lasts_as_long_as_the_batch(tmp_path: Path) -> None:
    plan = read_plan(
        {"batch": {"models": [str(MODEL)], "targets": ["cv25"], "calibration": "random", "effort": "fast"}}
    )
    store = open_store(tmp_path / "store")
    with open_engine("dask", 1) as engine:
        assert (engine.name, engine.slots, engine.distant) == ("a Dask cluster of this machine", 1, False)
        (record,) = run(plan.jobs, store, engine, limits=plan.limits)
        executor = engine.executor
    assert record.outcome is Outcome.CONVERTED, record.error
    assert store.keys() == {record.key}
    with pytest.raises(Exception, match=r"."):
        executor.submit(int, "3").result(timeout=30)


@pytest.mark.slow
def test_workers_limit_the_jobs_at_a_time_of_a_cluster_that_runs_already(address: str) -> None:
    with open_engine(f"dask://{address}") as engine:
        assert (engine.slots, engine.limit) == (2, None)
    with open_engine(f"dask://{address}", 1) as engine:
        assert (engine.slots, engine.limit) == (1, 1)


def test_where_nobody_answers_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlpuconv.batches.engines.cluster._PATIENCE_S", 1)
    with raises_error("executor-unreachable", "127.0.0.1:9"), cluster_engine("127.0.0.1:9"):
        pass
