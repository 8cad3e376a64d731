"""The artifacts of one tree of the sources: each converted by that tree's code in a process of its own, and hashed.

As a program it is that process: it is given a job as JSON, imports whatever dlpuconv is on its path, and prints the
hashes as JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

INTEGER_TARGETS = ("artpec7", "artpec8", "artpec9")
FLOAT_TARGET, FLOAT_FILE = "cv25", "model.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model to convert.

    Attributes:
        model: path of the ONNX file.
        samples: path of the `.npy` with calibration samples, [N, ...] in the model's layout.
        options: what the network expects of an image, as `dlpuconv.convert` takes it.
        effort: of the search.
        targets: chips to convert for.
    """

    model: str
    samples: str
    options: dict[str, Any]
    effort: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of the sources, and a folder for what its runs leave.

    Attributes:
        root: of the tree.
        scratch: for caches and for the description of the plugins, which no other tree may use.
    """

    root: Path
    scratch: Path

    def hashes(self, job: Job) -> dict[str, str]:
        """SHA-256 of each target's artifact, in hex; where there is none, the last line that tells why.

        Python hashes its strings anew in each run, as it does for users: what depends on an order of a set shows.
        """
        self._describe_plugins()
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONHASHSEED"}
        path = (self.scratch, self.root, self.root / "backends", self.root / "targets")
        environment["PYTHONPATH"] = os.pathsep.join(map(str, path))
        environment["DLPUCONV_CACHE"] = str(self.scratch / "cache")
        command = [sys.executable, "-P", __file__, json.dumps(asdict(job))]
        done = subprocess.run(
            command, env=environment, cwd=self.scratch, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            return dict.fromkeys(job.targets, f"error: {(done.stderr.strip().splitlines() or ['no output'])[-1]}")
        found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return found

    def _describe_plugins(self) -> None:
        """The tree's own entry points, in the place of those of whatever tree is installed."""
        project = tomllib.loads((self.root / "pyproject.toml").read_text("utf-8"))["project"]
        folder = self.scratch / f"{project['name']}-0.dist-info"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n", "utf-8")
        lines = []
        for group, entries in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
        (folder / "entry_points.txt").write_text("\n".join([*lines, ""]), "utf-8")


def main() -> int:
    """Convert and print."""
    import dlpuconv

    job = Job(**json.loads(sys.argv[1]))
    options = {"effort": job.effort, "progress": None, **job.options}
    made = dlpuconv.convert(job.model, target=job.targets, calibration=job.samples, **options)
    found = {failure.target: f"error: {failure.error}" for failure in made.failures}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        for artifact, path in zip(made.artifacts, made.save(folder), strict=True):
            content = (path / FLOAT_FILE if path.is_dir() else path).read_bytes()
            found[artifact.target] = hashlib.sha256(content).hexdigest()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
