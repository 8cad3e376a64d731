"""Records as a batch of three models would leave them, each written out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact

WHEN = 1_800_000_000.0


def record(name: str = "net.artpec8", **given: Any) -> JobRecord:
    """A record that passes, with what is given instead."""
    model, _, target = name.partition(".")
    usual: dict[str, Any] = {
        "key": f"{name.encode().hex():0<64}"[:64],
        "name": name,
        "model": f"models/{model}.onnx",
        "target": target or "artpec8",
        "axes": {"model": model, "target": target or "artpec8"},
        "outcome": Outcome.CONVERTED,
        "verdict": "pass",
        "sqnr_db": 30.0,
        "macs": 1_000_000,
        "artifact_size": 200_000,
        "files": {f"{name}.tflite": StoredArtifact(sha256="ab" * 32, size=200_000)},
        "circumstances": Circumstances(host="here", started=WHEN, seconds=2.0),
    }
    return JobRecord(**{**usual, **given})


def without_file(name: str, outcome: Outcome, error: str, kind: str = "BackendError") -> JobRecord:
    """A record of a job that left no file."""
    return record(
        name, outcome=outcome, verdict="", error=error, error_kind=kind, status=7,
        sqnr_db=None, macs=None, artifact_size=None, files={},
    )  # fmt: skip


def started(before: JobRecord, seconds: float) -> JobRecord:
    """The same, begun so much later."""
    return replace(before, circumstances=replace(before.circumstances, started=WHEN + seconds))


PASSED = record("good.artpec8", metric=0.80, float_metric=0.81)
WARNED = record("soso.artpec8", verdict="warn", reasons=("It is slow on this chip.",), metric=0.70, float_metric=0.90)
FAILED = record("poor.artpec8", verdict="fail", reasons=("The output agrees to 3 dB.", "It clips."), sqnr_db=3.0)
CRASHED = without_file("gone.artpec9", Outcome.CRASHED, "its process ended by signal 11, in each of 3 attempts")
REFUSED = without_file("odd.cv25", Outcome.REFUSED, "there is no Foo on this chip", "UnsupportedModelError")
ALL = (PASSED, WARNED, FAILED, CRASHED, REFUSED)
