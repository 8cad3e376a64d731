#!/usr/bin/env python3
"""Tells whether two trees of the sources make the same artifacts, byte by byte, of the models of the zoo.

    scripts/same_bytes.py HEAD~3 .                        a revision beside the working tree
    scripts/same_bytes.py HEAD --record before.json       what one tree makes
    scripts/same_bytes.py . --against before.json         the working tree beside that
    scripts/same_bytes.py main . --models 'kws*' --efforts fast

Each model is converted for artpec7, artpec8 and artpec9 with each effort, and for cv25 once, whose model.onnx counts.
A tree is a folder or a revision, which is checked out into a temporary folder; it is run with its own code and caches
and by the interpreter that runs this script. A record holds for one machine with one set of libraries. The exit status
is 1 where something differs or cannot be made.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from scripts.benchmarks.shared import NORMALIZATIONS, console, model_names, zoo_folder, zoo_module  # noqa: E402 - above
from scripts.benchmarks.tree_artifacts import FLOAT_TARGET, INTEGER_TARGETS, Job, Tree  # noqa: E402 - above

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a tree made.

    Attributes:
        tree: its name.
        samples: how many of each model were used for calibration.
        artifacts: SHA-256 of each in hex, or why there is none, by `model.target.effort` or `model.cv25`.
    """

    tree: str
    samples: int
    artifacts: dict[str, str]

    def write(self, file: Path) -> None:
        """As JSON."""
        content = {"tree": self.tree, "samples": self.samples, "artifacts": self.artifacts}
        file.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", "utf-8")

    @classmethod
    def read(cls, file: Path) -> Record:
        """What `write` wrote."""
        return cls(**json.loads(file.read_text("utf-8")))


def main() -> int:
    """Convert with each tree, compare, print."""
    arguments = _parser().parse_args()
    against = Record.read(arguments.against) if arguments.against else None
    if len(arguments.trees) + bool(against) + bool(arguments.record) < 2:
        sys.exit("one tree alone needs --record FILE or --against FILE")
    models, efforts = model_names(arguments.models), arguments.efforts.split(",")
    samples = against.samples if against else arguments.samples
    made = []
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as folder:
        jobs = _jobs(models, efforts, samples, Path(folder))
        for number, name in enumerate(arguments.trees):
            with _tree(name, Path(folder) / f"tree{number}") as tree:
                file = arguments.record if number == 0 else None
                made.append(_record(name, tree, samples, jobs, file))
    if against is not None:
        made.insert(0, against)
    return _differences(made[0], made[-1]) if len(made) > 1 else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trees", nargs="+", metavar="TREE", help="one or two of: a folder, a git revision")
    parser.add_argument("--models", default="*", help="glob of model names")
    parser.add_argument("--efforts", default="fast,balanced", help="of the search, with commas between them")
    parser.add_argument("--samples", type=int, default=10, help="for calibration; --against takes as many as it had")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what the first tree made")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with what a tree made earlier")
    return parser


def _jobs(models: list[str], efforts: list[str], samples: int, folder: Path) -> dict[str, list[Job]]:
    """The conversions of each model; its samples are written to a file that all trees read."""
    zoo, jobs = zoo_module(), {}
    for name in models:
        file = folder / f"{name}.npy"
        np.save(file, np.asarray(zoo.task(name).load_calib(samples), np.float32))
        common: dict[str, Any] = {
            "model": str(zoo_folder() / name / "model.onnx"),
            "samples": str(file),
            "options": NORMALIZATIONS.get(name, {}),
        }
        jobs[name] = [
            Job(effort=effort, targets=INTEGER_TARGETS if number else (*INTEGER_TARGETS, FLOAT_TARGET), **common)
            for number, effort in enumerate(efforts)
        ]
    return jobs


@contextmanager
def _tree(name: str, scratch: Path) -> Iterator[Tree]:
    """The sources under this name; those of a revision for as long as they are needed."""
    scratch.mkdir()
    if Path(name).is_dir():
        yield Tree(Path(name).resolve(), scratch)
        return
    root = scratch / "sources"
    _git("worktree", "add", "--quiet", "--detach", str(root), name)
    try:
        yield Tree(root, scratch)
    finally:
        _git("worktree", "remove", "--force", str(root))


def _git(*arguments: str) -> None:
    if subprocess.run(["git", *arguments], cwd=REPOSITORY).returncode:
        sys.exit(f"git {arguments[0]} failed: neither a folder nor a revision?")


def _record(name: str, tree: Tree, samples: int, jobs: dict[str, list[Job]], file: Path | None) -> Record:
    """Convert everything; what has been made is written at once, so that a run that ends early leaves something."""
    record = Record(tree=name, samples=samples, artifacts={})
    for model, conversions in jobs.items():
        for job in conversions:
            start = time.perf_counter()
            for target, found in tree.hashes(job).items():
                key = f"{model}.{target}" if target == FLOAT_TARGET else f"{model}.{target}.{job.effort}"
                record.artifacts[key] = found
                if found.startswith("error"):
                    console.print(f"[red]{name}: {key}: {found}[/]")
            console.print(f"{name}: {model} {job.effort}, {time.perf_counter() - start:.1f} s")
        if file:
            record.write(file)
    return record


def _differences(old: Record, new: Record) -> int:
    """Print what differs, or is missing, among the artifacts that were asked for; 1 where something does."""
    table = Table("artifact", old.tree, new.tree, title="artifacts that differ")
    for key, found in new.artifacts.items():
        before = old.artifacts.get(key, "not recorded")
        if before != found or found.startswith("error"):
            table.add_row(key, *(value[:_SHORT] if len(value) == 64 else value for value in (before, found)))
    if table.row_count:
        console.print(table)
    console.print(f"{len(new.artifacts) - table.row_count} of {len(new.artifacts)} artifacts are the same")
    return int(table.row_count > 0)


if __name__ == "__main__":
    sys.exit(main())
