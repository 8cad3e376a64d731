"""Every id that an error has: what has happened, why, and the way out. Data, one file for each class of errors.

A message tells of one case, with its names and numbers; this tells of the cause, for somebody who meets it for the
first time. It is read where it is asked for only: by `dlpuconv errors`, and by what writes `docs/errors.md`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

from dlpuconv import errors
from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.jsonable import Json

_INTERNAL = "InternalError"
_FILES = {
    "usage": "UsageError",
    "model": "ModelError",
    "shape": "ShapeError",
    "unsupported": "UnsupportedModelError",
    "calibration": "CalibrationError",
    "backend": "BackendError",
    "plugin": "PluginError",
    "output": "OutputError",
    "internal": _INTERNAL,
    "artifact": "ArtifactError",
    "library": "MissingDependencyError",
    "metric": "MetricError",
    "store": "StoreError",
    "regression": "RegressionError",
}
"""The class of errors that each file tells of, by exit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEntry:
    """What is known of one id.

    Attributes:
        id: that errors carry.
        kind: the class that is raised with it, as `--json` prints it.
        status: the exit status of the command line.
        title: what has happened, in one sentence.
        cause: how that comes about.
        remedy: what to do.
    """

    id: str
    kind: str
    status: int
    title: str
    cause: str
    remedy: str

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "id": self.id,
            "type": self.kind,
            "status": self.status,
            "title": self.title,
            "cause": self.cause,
            "remedy": self.remedy,
        }


def entries() -> tuple[ErrorEntry, ...]:
    """All entries of the catalogue, by exit status and then by id."""
    return tuple(entry for name, kind in _FILES.items() for entry in _of_file(name, kind))


def entry(id: str) -> ErrorEntry:  # noqa: A002 - its name
    """The entry of an id.

    Raises:
        UsageError: no error has it.
    """
    known = {each.id: each for each in entries()}
    if id not in known:
        hint = did_you_mean(id, known) or "; `dlpuconv errors` lists all"
        raise UsageError(f"no error has the id {id!r}{hint}", id="error-id-unknown")
    return known[id]


def _of_file(name: str, kind: str) -> Iterator[ErrorEntry]:
    text = resources.files(__name__).joinpath(f"{name}.toml").read_text("utf-8")
    told: dict[str, Any] = tomllib.loads(text)
    for each in sorted(told):
        yield ErrorEntry(id=each, kind=kind, status=_status(kind), **told[each])


def _status(kind: str) -> int:
    raised: type[errors.DlpuconvError] = getattr(errors, kind, errors.DlpuconvError)
    return raised.status
