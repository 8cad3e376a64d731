"""Every ONNX file of a folder for one chip: how it is divided, and its outputs through the float graph."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.shared import console, decibels, mark

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.workflow.run import Run
    from dlpuconv_backends.lowering import Lowered
    from scripts.benchmarks.shared import Array

BAR_DB = 60.0
_SEED = 7


def run_exports(*, folder: Path, target: str, convert: bool) -> tuple[dict[str, Any], list[str]]:
    """Read, divide, lower, compare, print.

    Args:
        folder: of `.onnx` files.
        target: the chip.
        convert: quantize on made-up samples, too.

    Returns:
        The figures by file, and the files whose outputs are below 60 dB, or that are refused.
    """
    figures = {path.stem: _one(path, target, convert=convert) for path in sorted(folder.glob("*.onnx"))}
    table = Table(
        "model",
        "MACs on the chip",
        "bytes that cross",
        "on the CPU",
        "dB at the cut",
        "float dB",
        "60 dB",
        "verdict",
        "s",
    )
    for name, found in figures.items():
        cells = (found.get(key, "-") for key in ("share", "crossing", "cpu", "cut_db", "float_db"))
        reached = mark(found.get("float_db", 0.0) >= BAR_DB)
        table.add_row(name, *map(str, cells), reached, found.get("verdict", "-"), str(found["seconds"]))
    console.print(table)
    return {"models": figures}, [name for name, found in figures.items() if found.get("float_db", 0.0) < BAR_DB]


def _one(path: Path, target: str, *, convert: bool) -> dict[str, Any]:
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    start = time.perf_counter()
    found: dict[str, Any] = {}
    try:
        found |= _float(path, target)
        if convert:
            made = dlpuconv.convert(path, target=target, calibration="none", effort="fast")[target]
            found |= {"verdict": made.report.verdict.value, "reasons": list(made.report.reasons)}
    except DlpuconvError as error:
        found["error"] = str(error)
        console.print(f"{path.name}: {error}")
    found["seconds"] = round(time.perf_counter() - start, 1)
    return found


def _float(path: Path, target: str) -> dict[str, Any]:
    """The outputs through the float graph that would be quantized, beside ONNX Runtime's of the whole file."""
    from dlpuconv.division.chain import Chain
    from dlpuconv.formats.ort_runner import OrtRunner
    from dlpuconv.workflow.jobs import fold
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.run import Data, dividing, opened

    with opened(path, Request(targets=(target,)), Data(), None) as run:
        (backend, targets), *_ = run.backends

        def lowered(run: Run) -> Lowered:
            from dlpuconv_backends.lowering import lower

            folded, job = fold(backend, targets, run)
            backend.draft(job, targets)  # refuses what has no integer form
            return lower(folded.model, layouts={})

        run, graph = dividing(run, lowered)
        generator = np.random.default_rng(_SEED)
        sample = {spec.name: generator.random(spec.shape, np.float32) for spec in run.signature.inputs}
        chip = _FloatGraph(graph)
        made = chip.run(sample) if run.division is None else Chain(run.division, chip).run(sample)
        source = OrtRunner(path).run(sample)
        division = run.division
        return {
            "float_db": round(min(_closeness(source[name], made[name]) for name in source), 1),
            "cut_db": round(min(graph.sqnr_db.values()), 1),
            "share": f"{division.share:.2%}" if division else "all",
            "crossing": division.crossing if division else 0,
            "cpu": len(division.tail.operators) if division and division.tail else 0,
        }


def _closeness(expected: Array, got: Array) -> float:
    """Decibels; none where shapes differ, as those of a NonMaxSuppression do that keeps another box."""
    return decibels(expected, got) if expected.shape == got.shape else 0.0


@dataclass(frozen=True)
class _FloatGraph:
    """The float graph in the source's names and layouts."""

    lowered: Lowered

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """One inference."""
        from dlpuconv_backends.lowering.measure import run_graph

        orders = self.lowered.input_permutations
        found = run_graph(
            self.lowered.graph, {name: np.transpose(inputs[name], order) for name, order in orders.items()}
        )
        return {
            name: np.transpose(found[name], np.argsort(order))
            for name, order in self.lowered.output_permutations.items()
        }
