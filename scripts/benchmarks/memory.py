"""Memory of whole process trees beside the weights of the model, and time beside its nodes."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from scripts.benchmarks.large_models import NARROW, WIDE, high_network, large_network, long_network, save, save_samples
from scripts.benchmarks.process import measure, proportional
from scripts.benchmarks.shared import console, mark

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES_WEIGHTS = 2.5
"""How much more than with a model of 1 MB the processes may hold together, in weights."""

HIGH_MB = 4000.0
SIDE = 4096
FEW_NODES, MANY_NODES = 1000, 5000
TIMES_TIME = 6.0
FEW_SAMPLES, MANY_SAMPLES = 10, 200
FLAT_MB = 64.0
"""What may differ between few and many samples: what is kept of each waits in memory up to 32 MiB."""

WIDE_FROM_MB = 100
SAMPLE_SIDE = 256
_SIZES_MB = (1, 100, 1000)
_COMMANDS = {
    "check": ("check", "--target", "cv25"),
    "cv25": ("convert", "--target", "cv25"),
    "artpec8": ("convert", "--target", "artpec8", "--effort", "fast"),
}


@dataclass(frozen=True, slots=True)
class Point:
    """One command on one model.

    Attributes:
        command: its key.
        what: model and samples, for people.
        weights_mb: 10^6 bytes.
        peak_mb: of all processes, each shared page counted once.
        wall_s: seconds.
        error: the last words of a command that failed; empty for none.
    """

    command: str
    what: str
    weights_mb: float
    peak_mb: float
    wall_s: float
    error: str = ""


def run_memory(*, largest_mb: int) -> tuple[dict[str, Any], list[str]]:
    """Measure, print, collect.

    Args:
        largest_mb: sizes beyond are left out.

    Returns:
        The figures, and the bars that were missed.
    """
    missed: list[str] = []
    points: list[Point] = []
    for point, bar in _measured([size for size in _SIZES_MB if size <= largest_mb]):
        points.append(point)
        console.print(f"{point.command}, {point.what}: {point.peak_mb:.0f} MB, {point.wall_s:.1f} s {point.error}")
        if point.error or bar:
            missed.append(f"{point.command}, {point.what}: {point.error or bar}")
    _print(points, missed)
    return {"points": [asdict(point) for point in points]}, missed


def _measured(sizes: list[int]) -> Iterator[tuple[Point, str]]:
    """Every point, with the bar that it misses."""
    for command in _COMMANDS:
        yield from _by_weights(command, sizes)
        yield from _by_nodes(command)
        if command != "check":
            yield from _by_samples(command)
    high = _run("artpec8", "an input of 4096 x 4096", high_network(SIDE), samples=FEW_SAMPLES, side=SIDE)
    yield high, "" if high.peak_mb <= HIGH_MB else f"{high.peak_mb:.0f} MB, {HIGH_MB:.0f} are allowed"


def _by_weights(command: str, sizes: list[int]) -> Iterator[tuple[Point, str]]:
    base = 0.0
    for size in sizes:
        for external in (False, True):
            what = f"{size} MB of weights {'beside' if external else 'in'} the file"
            model = large_network(size, NARROW if size < WIDE_FROM_MB else WIDE)
            point = _run(command, what, model, samples=FEW_SAMPLES, external=external)
            base = base or point.peak_mb
            allowed = base + TIMES_WEIGHTS * point.weights_mb
            yield point, "" if point.peak_mb <= allowed else f"{point.peak_mb:.0f} MB, {allowed:.0f} are allowed"


def _by_nodes(command: str) -> Iterator[tuple[Point, str]]:
    few = _run(command, f"{FEW_NODES} nodes", long_network(FEW_NODES), samples=FEW_SAMPLES)
    yield few, ""
    many = _run(command, f"{MANY_NODES} nodes", long_network(MANY_NODES), samples=FEW_SAMPLES)
    times = many.wall_s / few.wall_s
    yield many, "" if times <= TIMES_TIME else f"{times:.1f} times the time, {TIMES_TIME} are allowed"


def _by_samples(command: str) -> Iterator[tuple[Point, str]]:
    model = high_network(SAMPLE_SIDE)
    few = _run(command, f"{FEW_SAMPLES} samples", model, samples=FEW_SAMPLES, side=SAMPLE_SIDE)
    yield few, ""
    many = _run(command, f"{MANY_SAMPLES} samples", model, samples=MANY_SAMPLES, side=SAMPLE_SIDE)
    more = many.peak_mb - few.peak_mb
    yield many, "" if more <= FLAT_MB else f"{more:.0f} MB more than with {FEW_SAMPLES}, {FLAT_MB:.0f} are allowed"


def _run(command: str, what: str, model: Any, *, samples: int, external: bool = False, side: int = 8) -> Point:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        weights = sum(len(tensor.raw_data) for tensor in model.graph.initializer)
        path = save(model, folder, external=external)
        options = [*_COMMANDS[command][1:]]
        if command != "check":
            options += ["--calibration", str(save_samples(folder, samples, side)), "--output", str(folder / "out")]
        program = [sys.executable, "-m", "dlpuconv", _COMMANDS[command][0], str(path), *options, "--json"]
        found = measure(program, folder, memory=proportional)
    return Point(
        command=command,
        what=what,
        weights_mb=round(weights / 1e6, 1),
        peak_mb=round(found.peak_mb, 1),
        wall_s=round(found.wall_s, 2),
        error="" if found.status in (0, 1) else f"exit status {found.status}: {found.last_words}",
    )


def _print(points: list[Point], missed: list[str]) -> None:
    table = Table(title="memory of all processes together, each shared page counted once")
    for column in ("command", "model", "weights MB", "peak MB", "s", "bars"):
        table.add_column(column, justify="left" if column in ("command", "model") else "right")
    for point in points:
        good = not any(sentence.startswith(f"{point.command}, {point.what}:") for sentence in missed)
        figures = (f"{point.weights_mb:.0f}", f"{point.peak_mb:.0f}", f"{point.wall_s:.1f}")
        table.add_row(point.command, point.what, *figures, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
