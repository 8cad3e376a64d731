"""What a worker does with a job, with real processes: what crashes, hangs or grows is an answer, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dlpuconv.batches.attempt import Assignment, Lost, Unequal, attempt
from dlpuconv.batches.identity import Identities, under
from dlpuconv.batches.inputs import carry
from dlpuconv.batches.job import Allowance, BatchJob
from dlpuconv.batches.record import JobRecord, Outcome
from dlpuconv.batches.store import open_store
from dlpuconv.batches.store.store import Store
from dlpuconv.files.content import sha256_of
from tests.e2e.support import IMAGES, MODEL

LIMITS = Allowance(memory=4 << 30, seconds=600)
CODE = {
    "crashes": "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)",
    "hangs": "import time\ntime.sleep(3600)",
    "grows": "import time\nheld = b'1' * (600 << 20)\ntime.sleep(3600)",
    "grows_in_a_child": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
    "'import time; held = bytearray(b\"1\") * (600 << 20); time.sleep(3600)'])",
    "raises": "raise RuntimeError('not mine')",
}
"""Modules of metrics, which a conversion imports first of all."""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    for name, text in CODE.items():
        (folder / f"batch_{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", f"{os.environ.get('PYTHONPATH', '')}:{folder}".strip(":"))


@pytest.fixture
def empty_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The system's temporary folder, in which nothing may be left."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def job(**more: object) -> BatchJob:
    usual = {"effort": "fast", "preset": "imagenet"}
    fields = {"model": str(MODEL), "calibration": str(IMAGES), **more}
    return BatchJob(name="demo.artpec8", target="artpec8", options={**usual, **fields.pop("options", {})}, **fields)  # type: ignore[arg-type, dict-item]


def tried(job: BatchJob, store: Store, limits: Allowance = LIMITS) -> JobRecord | Lost | Unequal:
    return attempt(Assignment(identified=Identities().of(job), store=store, allowance=limits))


def record_of(name: str, store: Store, limits: Allowance) -> JobRecord:
    found = tried(job(options={"metric": f"batch_{name}:score"}), store, limits)
    assert isinstance(found, JobRecord)
    assert store.keys() == {found.key}
    return found


@pytest.mark.slow
@pytest.mark.usefixtures("code", "empty_tmp")
def test_a_process_that_dies_is_lost_and_stores_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    found = tried(job(options={"metric": "batch_crashes:score"}), store)
    assert isinstance(found, Lost)
    assert "SIGSEGV" in found.why
    assert not store.keys()


@pytest.mark.slow
@pytest.mark.usefixtures("code", "empty_tmp")
def test_a_process_that_hangs_is_ended_after_its_time(tmp_path: Path) -> None:
    found = record_of("hangs", open_store(tmp_path / "store"), replace(LIMITS, seconds=5))
    assert (found.outcome, found.error) == (Outcome.TIMED_OUT, "the job took longer than the 5 s that it may")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["grows", "grows_in_a_child"])
@pytest.mark.usefixtures("code", "empty_tmp")
def test_processes_that_grow_are_ended_at_their_memory(tmp_path: Path, name: str) -> None:
    limits = replace(LIMITS, memory=512 << 20)
    found = record_of(name, open_store(tmp_path / "store"), limits)
    assert (found.outcome, found.error) == (
        Outcome.OUT_OF_MEMORY,
        "the job took more than the 0.5 GiB of memory that it may",
    )
    assert found.circumstances.peak_memory > 512 << 20
    assert found.key == under(Identities().of(job(options={"metric": f"batch_{name}:score"})).key, limits)


@pytest.mark.slow
@pytest.mark.usefixtures("code", "empty_tmp")
def test_what_a_conversion_refuses_is_a_record_with_its_sentence(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    missing = tried(job(model=str(tmp_path / "none.onnx")), store)
    raising = tried(job(options={"metric": "batch_raises:score"}), store)
    assert isinstance(missing, JobRecord)
    assert isinstance(raising, JobRecord)
    assert (missing.outcome, missing.error_kind, missing.status) == (Outcome.REFUSED, "ModelError", 3)
    assert missing.error_id == "model-not-found"
    assert (raising.outcome, raising.error_kind, raising.status) == (Outcome.REFUSED, "MetricError", 13)
    assert raising.error_id.startswith("metric-")
    assert "not mine" in raising.error
    assert "metric=" in raising.error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("setting", "error"),
    [("0.001", ("BackendError", 7, "backend-tool-failed")), ("soon", ("UsageError", 2, "environment-value"))],
    ids=["a tool took too long", "a setting cannot be used"],
)
@pytest.mark.usefixtures("empty_tmp")
def test_what_the_machine_made_fail_is_told_and_the_next_run_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, error: tuple[str, int, str]
) -> None:
    store = open_store(tmp_path / "store")
    monkeypatch.setenv("DLPUCONV_LOWERING_TIMEOUT", setting)
    hindered = tried(job(), store)
    assert isinstance(hindered, JobRecord)
    assert hindered.outcome is Outcome.REFUSED
    assert (hindered.error_kind, hindered.status, hindered.error_id) == error
    assert hindered.error.endswith("; the same batch tries this job again")
    assert not store.keys()
    monkeypatch.delenv("DLPUCONV_LOWERING_TIMEOUT")
    converted = tried(job(), store)
    assert isinstance(converted, JobRecord)
    assert converted.outcome is Outcome.CONVERTED
    assert store.keys() == {converted.key}


@pytest.mark.slow
@pytest.mark.usefixtures("empty_tmp")
def test_a_refused_input_that_was_carried_is_told_as_the_job_names_it(tmp_path: Path) -> None:
    (model := tmp_path / "net.onnx").write_bytes(b"no model")
    identified, store = Identities().of(job(model=str(model))), open_store(tmp_path / "store")
    carried = carry(identified, store, {})
    found = attempt(Assignment(identified=identified, store=store, allowance=LIMITS, carried=carried))
    assert isinstance(found, JobRecord)
    assert found.error.startswith(str(model))
    assert "given" not in found.error


@pytest.mark.slow
@pytest.mark.parametrize("what", ["model", "calibration", "metric"])
def test_what_is_made_of_an_input_that_was_changed_meanwhile_is_kept_under_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    shutil.copytree(IMAGES, tmp_path / "calibration")
    shutil.copy(MODEL, tmp_path / "net.onnx")
    (tmp_path / "batch_changing.py").write_text(CODE["raises"])
    monkeypatch.chdir(tmp_path)
    asked = job(
        model=str(tmp_path / "net.onnx"),
        calibration=str(tmp_path / "calibration"),
        options={"metric": "batch_changing:score"},  # which ends the conversion early
    )
    identified, store = Identities().of(asked), open_store(tmp_path / "store")
    changed = {"model": "net.onnx", "calibration": "calibration/new.png", "metric": "batch_changing.py"}[what]
    with (tmp_path / changed).open("a") as file:
        file.write("# changed")
    found = attempt(Assignment(identified=identified, store=store, allowance=LIMITS))
    assert isinstance(found, JobRecord)
    named = {"model": asked.model, "calibration": asked.calibration, "metric": "batch_changing:score"}[what]
    assert found.error == f"{named} is not what it was when the batch began; the same batch tries this job again"
    assert not store.keys()


def test_an_input_that_cannot_be_fetched_any_more_is_told_and_not_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    found = tried(job(model="memory://nobody/put/this.onnx"), store)
    assert isinstance(found, JobRecord)
    assert (found.outcome, found.error_kind) == (Outcome.REFUSED, "ModelError")
    assert "memory://nobody/put/this.onnx cannot be read: FileNotFoundError" in found.error
    assert not store.keys()


def test_a_worker_with_other_versions_makes_nothing(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    identified = Identities().of(job())
    other = replace(identified, versions={**identified.versions, "numpy": "1.0", "toychip": "2"})
    found = attempt(Assignment(identified=other, store=store, allowance=LIMITS))
    assert isinstance(found, Unequal)
    assert "instead of 1.0" in found.why
    assert "toychip (missing) instead of 2" in found.why
    assert not store.keys()


@pytest.mark.slow
def test_inputs_come_out_of_the_store_where_the_workers_see_nothing_else(tmp_path: Path) -> None:
    import dlpuconv

    here = tmp_path / "here"
    shutil.copytree(IMAGES, here / "calibration")
    shutil.copy(MODEL, here / "net.onnx")
    asked = replace(job(model=str(here / "net.onnx"), calibration=str(here / "calibration")), target="cv25")
    identified = Identities().of(asked)
    store = open_store(tmp_path / "store")
    carried = carry(identified, store, {})
    expected = dlpuconv.convert(
        asked.model, target="cv25", calibration=asked.calibration, preset="imagenet", effort="fast", progress=None
    )
    shutil.rmtree(here)
    found = attempt(Assignment(identified=identified, store=store, allowance=LIMITS, carried=carried))
    assert isinstance(found, JobRecord)
    assert (found.outcome, found.verdict, found.status) == (Outcome.CONVERTED, "pass", 0), found.error
    files = expected["cv25"].files()
    assert found.files.keys() == files.keys()
    assert {name: stored.sha256 for name, stored in found.files.items()} == {n: sha256_of(c) for n, c in files.items()}
    assert found.macs == 9373440
