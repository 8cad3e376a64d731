"""What became of one job: written once, under the job's content hash, and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json


class Outcome(StrEnum):
    """How a job ended."""

    CONVERTED = "converted"
    """There is a file; its verdict says what it is worth."""
    REFUSED = "refused"
    """The model, the data or an option cannot be used, or a tool or the machine failed; `error` says why."""
    CRASHED = "crashed"
    """Its process ended without an answer, in every attempt."""
    OUT_OF_MEMORY = "out-of-memory"
    """The job took more memory than it may."""
    TIMED_OUT = "timed-out"
    """The job took more time than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """One file that a job left in the store.

    Attributes:
        sha256: hex digest, which is also its name in the store.
        size: bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What may differ when the same job runs again; no comparison looks at it.

    Attributes:
        host: name of the machine.
        started: seconds since 1970, UTC.
        seconds: wall time of the attempt that counts.
        attempts: how many were begun.
        peak_memory: bytes of its processes together, as far as they were seen.
    """

    host: str
    started: float
    seconds: float
    attempts: int = 1
    peak_memory: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """What became of one job.

    Attributes:
        key: the job's content hash, hex: of its inputs, its options, and the versions that decide what is made.
        name: the job's, in the batch that ran it.
        model: as the job names it, without credentials.
        target: chip.
        axes: see `BatchJob`.
        options: see `BatchJob`.
        outcome: how it ended.
        verdict: `pass`, `warn` or `fail`; empty without a file.
        reasons: why the verdict is not `pass`, a sentence each.
        error: why there is no file; empty with one.
        error_kind: class of the error, as `--json` prints it.
        error_id: of the error, which `dlpuconv errors ID` explains; empty for an ending that is no error of dlpuconv's.
        status: exit status that `dlpuconv convert` would have.
        sqnr_db: least signal-to-noise ratio of an output, dB; None where nothing was compared.
        metric: the user's own, of the file; None without one.
        float_metric: the same of the source model.
        macs: multiplications of one inference.
        artifact_size: bytes of the artifact itself.
        files: what `convert` would have written, by path relative to the output folder.
        versions: of the libraries that decide what is made.
        circumstances: what may differ another time.
    """

    key: str
    name: str
    model: str
    target: str
    axes: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Json] = field(default_factory=dict)
    outcome: Outcome
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    error: str = ""
    error_kind: str = ""
    error_id: str = ""
    status: int = 0
    sqnr_db: float | None = None
    metric: float | None = None
    float_metric: float | None = None
    macs: int | None = None
    artifact_size: int | None = None
    files: Mapping[str, StoredArtifact] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    circumstances: Circumstances
