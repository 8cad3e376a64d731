"""The file that a run keeps: what was tried, with what, and what came of it; an interrupted run goes on from it."""

from __future__ import annotations

import fcntl
import json
import platform
import subprocess
from dataclasses import asdict, dataclass, field
from functools import cache
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

    def same_as(self, other: Run) -> bool:
        """Whether it is the same cases that are asked for."""
        return (self.reader, self.seed, self.count) == (other.reader, other.seed, other.count)

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
    """Runs in a file, which several processes may write to, each of its own reader."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def run(self, reader: str, seed: int, count: int) -> Run:
        """The run to go on with: one that the same code began, or a new one in its place."""
        new = Run(reader=reader, seed=seed, count=count, versions=versions_used())
        return next((known for known in self.runs() if known.same_as(new) and known.versions == new.versions), new)

    def save(self, run: Run) -> None:
        """Write the file, with this run in place of what it was before."""
        with self._path.with_name(f"{self._path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            runs = [run, *(other for other in self.runs() if not other.same_as(run))]
            partial = self._path.with_name(f"{self._path.name}.partial")
            partial.write_text(json.dumps(to_json(runs), indent=1) + "\n")
            partial.replace(self._path)

    def runs(self) -> list[Run]:
        """All that the file holds."""
        if not self._path.exists():
            return []
        entries = json.loads(self._path.read_text())["runs"]
        return [Run(**{**entry, "findings": [Finding(**found) for found in entry["findings"]]}) for entry in entries]


def to_json(runs: list[Run]) -> dict[str, Any]:
    """Runs by reader."""
    return {"runs": [asdict(run) for run in sorted(runs, key=lambda run: (run.reader, run.seed, run.count))]}


@cache
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
