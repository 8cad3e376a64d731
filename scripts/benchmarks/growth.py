"""How processor time and memory of a conversion grow with the multiplications of a network and with the samples."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

from rich.table import Table

from scripts.benchmarks.large_models import save, save_samples, separable_network
from scripts.benchmarks.process import measure, proportional
from scripts.benchmarks.shared import console, mark

MOST_EXPONENT = 1.15
EFFORTS = ("fast", "balanced")
_STEEPEST = 4.0
_ALIKE = 0.05
"""Part of a figure: a smaller difference is noise, and no growth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What is converted.

    Attributes:
        side: of the picture, in pixels.
        channels: of the residual path.
        samples: for calibration.
    """

    side: int = 96
    channels: int = 24
    samples: int = 100


_MIDDLE = Size()
_SERIES = {
    "pixels": [replace(_MIDDLE, side=side) for side in (48, 96, 192)],
    "channels": [replace(_MIDDLE, channels=channels) for channels in (12, 24, 48)],
    "samples": [replace(_MIDDLE, samples=samples) for samples in (25, 100, 400)],
}
"""The first two make the network of more multiplications."""


@dataclass(frozen=True, slots=True)
class Point:
    """One conversion.

    Attributes:
        size: of what.
        work: multiplications of one inference.
        cpu_s: processor time of all processes.
        peak_mb: memory of all processes, each shared page counted once.
    """

    size: Size
    work: int
    cpu_s: float
    peak_mb: float


def run_growth(repeats: int) -> tuple[dict[str, Any], list[str]]:
    """Measure, print, collect.

    Args:
        repeats: of each conversion; the fastest counts.

    Returns:
        The figures, and the bars that were missed.
    """
    table = Table(title="growth: the exponent p of a + b x^p through three sizes")
    for column in ("effort", "of", "s", "exponent", "MB", "exponent", f"at most {MOST_EXPONENT}"):
        table.add_column(column)
    figures: dict[str, Any] = {}
    missed: list[str] = []
    for effort in EFFORTS:
        known: dict[Size, Point] = {}
        for what, sizes in _SERIES.items():
            points = [known.setdefault(size, known.get(size) or _converted(size, effort, repeats)) for size in sizes]
            extents = [float(p.size.samples if what == "samples" else p.work) for p in points]
            seconds, memory = [p.cpu_s for p in points], [p.peak_mb for p in points]
            exponents = exponent(extents, seconds), exponent(extents, memory)
            good = max(exponents) <= MOST_EXPONENT
            if not good:
                missed.append(f"{effort}: time grows with {what}^{exponents[0]:.2f}, memory with ^{exponents[1]:.2f}")
            told = (_listed(seconds), f"{exponents[0]:.2f}", _listed(memory), f"{exponents[1]:.2f}")
            table.add_row(effort, what, *told, mark(good))
            figures[f"{effort}.{what}"] = {"exponents": exponents, "points": [asdict(p) for p in points]}
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return figures, missed


def exponent(extents: list[float], figures: list[float]) -> float:
    """The p of a + b x^p through three points; 0 where the last figure is hardly more than the first.

    What does not grow, such as the start of Python, is in a: it would make any growth look flat.

    Args:
        extents: x in rising order.
        figures: what grows with it.
    """
    first, middle, last = figures
    if last - first <= _ALIKE * first:
        return 0.0
    wanted = (last - first) / (middle - first) if middle > first else inf
    low, high = 0.0, _STEEPEST
    for _ in range(40):
        p = (low + high) / 2
        powers = [(x / extents[0]) ** p - 1 for x in extents[1:]]
        low, high = (p, high) if powers[1] < wanted * powers[0] else (low, p)
    return round(high, 3)


def _converted(size: Size, effort: str, repeats: int) -> Point:
    model, work = separable_network(size.side, size.channels)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        path, samples = save(model, folder, external=False), save_samples(folder, size.samples, size.side)
        program = [sys.executable, "-m", "dlpuconv", "convert", str(path), "--target", "artpec8", "--no-cache"]
        program += ["--calibration", str(samples), "--output", str(folder / "out"), "--effort", effort, "--force"]
        runs = [measure(program, folder, memory=proportional) for _ in range(repeats)]
    if any(run.status not in (0, 1) for run in runs):
        sys.exit(f"{size} with {effort}: {runs[-1].last_words}")
    found = Point(size, work, min(run.cpu_s for run in runs), round(max(run.peak_mb for run in runs), 1))
    console.print(f"{effort}, {size}: {work / 1e6:.1f} million, {found.cpu_s:.2f} s, {found.peak_mb:.0f} MB")
    return found


def _listed(figures: list[float]) -> str:
    return " ".join(f"{figure:.1f}" for figure in figures)
