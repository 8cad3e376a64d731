"""Records to store."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.files.content import sha256_of, size_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.files.content import Content

BYTES = {"net.chip.bin": b"integers", "net.chip/readme.md": b"how"}


def key_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def record_of(name: str, files: Mapping[str, Content] | None = None, **changes: Any) -> JobRecord:
    """A job that made these files."""
    made = JobRecord(
        key=key_of(name),
        name=name,
        model="models/net.onnx",
        target="chip",
        axes={"model": "net", "granularity": "per-tensor"},
        options={"effort": "fast", "mean": [0.5, 1], "strict": False, "opset": None},
        outcome=Outcome.CONVERTED,
        verdict="warn",
        reasons=("R-1: a reason",),
        sqnr_db=31.25,
        macs=12_000_000_000,
        artifact_size=8,
        files={
            name: StoredArtifact(sha256=sha256_of(content), size=size_of(content))
            for name, content in (files or {}).items()
        },
        versions={"dlpuconv": "1.0"},
        circumstances=Circumstances(host="here", started=1.75e9, seconds=2.5, peak_memory=1 << 33),
    )
    return replace(made, **changes)
