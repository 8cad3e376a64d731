"""Jobs that are made in Python are refused in a sentence before anything runs, as those of a file are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import dlpuconv
from dlpuconv.batches import BatchJob
from dlpuconv.batches.job_check import check_job
from dlpuconv.errors import UsageError

JOB = BatchJob(name="net.cv25", model="net.onnx", target="cv25", options={"effort": "fast"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": Path("net.onnx")}, "the model of a BatchJob is PosixPath('net.onnx'), not a text: give str(...)"),
        ({"calibration": None}, "the calibration of a BatchJob is None, not a text"),
        ({"target": ""}, "a BatchJob has no target"),
        ({"name": "../net"}, "a BatchJob is called '../net': a folder has its name"),
        ({"name": "."}, "a folder has its name"),
        ({"options": [("effort", "fast")]}, "net.cv25: options is a list, not a dict"),
        ({"options": {"efort": "fast"}}, "net.cv25: there is no option 'efort' (did you mean 'effort'?)"),
        ({"options": {"effort": "fats"}}, "net.cv25: effort='fats' is not one of fast, balanced, best"),
        ({"options": {1: "fast"}}, "net.cv25: options has the key 1, which is not a text"),
        ({"axes": {"model": "net", 3: "x"}}, "net.cv25: axes has the key 3, which is not a text"),
    ],
)
def test_what_no_worker_could_do_is_refused_in_a_sentence(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        check_job(replace(JOB, **change))
    assert said in str(refused.value)


def test_a_job_that_can_be_done_is_no_error() -> None:
    check_job(JOB)


def test_a_batch_of_such_jobs_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"did you mean 'effort'\?"):
        dlpuconv.batch([replace(JOB, options={"efort": "fast"})], store=tmp_path / "store", progress=None)
    assert not (tmp_path / "store").exists()
