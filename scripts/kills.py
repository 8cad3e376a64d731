#!/usr/bin/env python3
"""Kills real conversions at random steps, and looks at what they leave.

    scripts/kills.py                  100 kills of a small network's conversion for ARTPEC-8 and CV25
    scripts/kills.py --kills 20 --seed 7

Two conversions with different results take turns in one folder, each with `--force`. A kill (SIGKILL) comes before the
step of a random number, where a step opens a file for writing or changes a folder; every other one while results take
the places of older ones. After each, every name must be there and wholly of one of the two conversions; where they are
of both, `dlpuconv inspect` must refuse them. At the end one conversion runs through, and nothing may be left but its
results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))
for _root in ("backends", "targets"):
    sys.path.append(str(REPOSITORY / _root))

import dlpuconv  # noqa: E402 - found by the lines above
from dlpuconv.errors import ArtifactError  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    type Print = dict[str, str]

MODELS = REPOSITORY / "tests" / "models"
COMMAND = (
    *("convert", str(MODELS / "cifar_mobilenetv2.onnx"), "--target", "artpec8,cv25", "--effort", "fast", "--force"),
    *("--calibration", str(MODELS / "_data" / "cifar10" / "calibration"), "--quiet"),
)
VARIANTS = (("--preset", "imagenet"), ("--preset", "0-1"))
COUNTED = """
import os, signal, sys
moment, told, *arguments = sys.argv[1:]
steps = first = last = 0
CHANGES = {"os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove"}
def step(event, what):
    global steps, first, last
    if event in CHANGES or event == "open" and isinstance(what[2], int) and what[2] & (os.O_WRONLY | os.O_RDWR):
        steps += 1
        if str(what[0]).endswith("/journal.json.new") and event == "os.rename":
            first = steps
        if str(what[0]).endswith("/journal.json") and event == "os.remove":
            last = steps
        if steps == int(moment):
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(step)
from dlpuconv.cli.main import main
status = main(arguments)
counted = f"{steps} {first} {last}"
with open(told, "w") as file:
    file.write(counted)
sys.exit(status)
"""


@dataclass(frozen=True, slots=True)
class Steps:
    """How many steps a conversion takes.

    Attributes:
        total: of them.
        first: the one from which on results take the places of older ones.
        last: the one after which all have.
    """

    total: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class World:
    """A folder that holds all that conversions write: results, temporary files, cache."""

    root: Path

    @property
    def out(self) -> Path:
        """Where results go."""
        return self.root / "out"

    @property
    def temporary(self) -> Path:
        """The system's temporary folder, as the conversions see it."""
        return self.root / "tmp"

    def convert(self, variant: Sequence[str], moment: int = 0) -> Steps | None:
        """Convert, and kill that before a step; None where it was killed.

        Raises:
            RuntimeError: it ended in another way than it should.
        """
        self.temporary.mkdir(exist_ok=True)
        told = self.root / "steps"
        done = subprocess.run(
            [sys.executable, "-c", COUNTED, str(moment), str(told), *COMMAND, *variant, "--output", str(self.out)],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.root,
            env={**os.environ, "TMPDIR": str(self.temporary), "DLPUCONV_CACHE": str(self.root / "cache")},
        )
        if done.returncode == -signal.SIGKILL:
            return None
        if done.returncode not in (0, 1):  # a verdict is no failure here
            raise RuntimeError(done.stderr)
        return Steps(*map(int, told.read_text().split()))

    def prints(self) -> dict[str, Print]:
        """What each name in the output folder holds, but for hidden ones."""
        return {entry.name: _print(entry) for entry in self.out.iterdir() if not entry.name.startswith(".")}

    def leftovers(self) -> list[str]:
        """What is there beside results and whole entries of the cache."""
        hidden = [path for path in self.out.iterdir() if path.name.startswith(".")]
        return [path.name for path in (*hidden, *self.temporary.iterdir(), *(self.root / "cache").glob("*.tmp"))]


def faults(world: World, variants: Sequence[dict[str, Print]]) -> Iterator[str]:
    """What is wrong with the results in the output folder.

    Args:
        world: where they are.
        variants: what they may be.
    """
    found = world.prints()
    yield from (f"{name} is missing" for name in sorted(set().union(*variants) - found.keys()))
    fitting = {name: [v for v, made in enumerate(variants) if made.get(name) == found[name]] for name in found}
    yield from (f"{name} is of no conversion" for name, of in fitting.items() if not of)
    mixed = not set(range(len(variants))).intersection(*fitting.values())
    yield from (f"{name} is read although files are mixed" for name in found if mixed and not _is_refused(world, name))


def moments(steps: Steps, count: int, seed: int) -> Iterator[int]:
    """Steps to be killed at: any, and one of those that replace results, in turn."""
    chance = random.Random(seed)
    for number in range(count):
        yield chance.randint(steps.first, steps.last + 1) if number % 2 else chance.randint(1, steps.total)


def try_variants(world: World) -> tuple[Steps, list[dict[str, Print]]]:
    """What each variant makes, undisturbed, and how many steps the last one takes to replace another's results."""
    steps, made = None, []
    for variant in VARIANTS:
        steps = world.convert(variant)
        made.append(world.prints())
    assert steps is not None
    return steps, made


def kill_often(world: World, made: Sequence[dict[str, Print]], times: Iterable[int]) -> tuple[int, list[str]]:
    """Let the variants take turns, each killed before a step; how many were killed, and what was wrong.

    Args:
        world: holds results of the last variant.
        made: what each makes, undisturbed.
        times: step of each kill.
    """
    killed, wrong = 0, []
    for number, moment in enumerate(times):
        killed += world.convert(VARIANTS[number % len(VARIANTS)], moment) is None
        found = list(faults(world, made))
        wrong += [f"kill {number + 1} before step {moment}: {fault}" for fault in found]
        print(f"{number + 1}: before step {moment}: {'; '.join(found) or 'whole'}", flush=True)
    world.convert(VARIANTS[0])
    wrong += [f"at the end: {fault}" for fault in faults(world, made[:1])]
    wrong += [f"at the end {name} is left" for name in world.leftovers()]
    return killed, wrong


def main() -> int:
    """Kill, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        steps, made = try_variants(world)
        print(f"a conversion takes {steps.total} steps, {steps.last - steps.first + 1} of which replace older results")
        killed, wrong = kill_often(world, made, moments(steps, arguments.kills, arguments.seed))
    print(*wrong, sep="\n")
    print(f"{killed} of {arguments.kills} conversions were killed; {len(wrong)} faults")
    return bool(wrong)


def _print(place: Path) -> Print:
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    return {path.relative_to(place).as_posix(): hashlib.sha256(_lasting(path)).hexdigest() for path in files}


def _lasting(file: Path) -> bytes:
    """The content, without the seconds that a manifest tells."""
    content = file.read_bytes()
    if file.suffix != ".json" or file.parent.name.endswith(".cv25"):
        return content
    told = json.loads(content)
    return json.dumps({key: value for key, value in told.items() if key != "timings_s"}).encode()


def _is_refused(world: World, name: str) -> bool:
    try:
        dlpuconv.inspect(world.out / name)
    except ArtifactError as error:
        return "was interrupted" in str(error)
    return False


if __name__ == "__main__":
    sys.exit(main())
