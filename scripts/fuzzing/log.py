"""The file that a run keeps: what was tried, with what, and what came of it; an interrupted run goes on from it."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from scripts.fuzzing.outcome import REPOSITORY, SOUND

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.fuzzing.outcome import Outcome

_LIBRARIES = ("numpy", "onnx", "onnx-ir", "onnxruntime", "pillow", "protobuf")


@dataclass(slots=True, kw_only=True)
class Finding:
    """All cases that fail in one place.

    Attributes:
        kind: of their outcome.
        error: class of the exception, or signal.
        where: place in the code.
        count: how many there are.
        smallest: the number of the smallest case.
        size: of it, in bytes.
        message: what was said of it.
    """

    kind: str
    error: str
    where: str
    count: int = 0
    smallest: int = 0
    size: int = 0
    message: str = ""


@dataclass(slots=True, kw_only=True)
class Run:
    """What was tried of one reader, from case 0 on.

    Attributes:
        reader: its name.
        seed: of the cases.
        count: how many were asked for.
        done: how many were read.
        seconds: of processor time.
        outcomes: how often each came.
        refusals: how often each class of error came.
        findings: what failed.
        versions: of dlpuconv (with the commit) and of what it reads with.
    """

    reader: str
    seed: int
    count: int
    done: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> Finding | None:
        """Count an outcome; the finding that it began, if it did."""
        self.done = outcome.number + 1
        self.outcomes[outcome.kind] = self.outcomes.get(outcome.kind, 0) + 1
        if outcome.kind in SOUND:
            if outcome.error:
                self.refusals[outcome.error] = self.refusals.get(outcome.error, 0) + 1
            return None
        key = (str(outcome.kind), outcome.error, outcome.where)
        known = next((f for f in self.findings if (f.kind, f.error, f.where) == key), None)
        found = known or Finding(kind=key[0], error=key[1], where=key[2])
        if known is None:
            self.findings.append(found)
        if not found.count or outcome.size < found.size:
            found.smallest, found.size, found.message = outcome.number, outcome.size, outcome.message
        found.count += 1
        return found if known is None else None


class Log:
    """Runs in a file, or only in memory."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.runs: list[Run] = []
        if path is not None and path.exists():
            for entry in json.loads(path.read_text())["runs"]:
                self.runs.append(Run(**{**entry, "findings": [Finding(**found) for found in entry["findings"]]}))

    def run(self, reader: str, seed: int, count: int) -> Run:
        """The run to go on with: one that the same code began, or a new one in its place."""
        versions = versions_used()
        for index, known in enumerate(self.runs):
            if (known.reader, known.seed, known.count) == (reader, seed, count):
                if known.versions != versions:
                    self.runs[index] = Run(reader=reader, seed=seed, count=count, versions=versions)
                return self.runs[index]
        self.runs.append(Run(reader=reader, seed=seed, count=count, versions=versions))
        return self.runs[-1]

    def save(self) -> None:
        """Write the file, if there is one."""
        if self._path is not None:
            partial = self._path.with_name(f"{self._path.name}.partial")
            partial.write_text(json.dumps(self.to_json(), indent=1) + "\n")
            partial.replace(self._path)

    def to_json(self) -> dict[str, Any]:
        """All runs, by reader."""
        return {"runs": [asdict(run) for run in sorted(self.runs, key=lambda run: (run.reader, run.seed))]}


def versions_used() -> dict[str, str]:
    """Of dlpuconv, Python, and the libraries that read."""
    from dlpuconv import __version__

    found = {"dlpuconv": f"{__version__} {_commit()}".strip(), "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """The commit that is checked out, with a `+` where files differ from it; empty outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
