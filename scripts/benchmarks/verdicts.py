"""Is a verdict right? By data alone, without labels, beside what each model's own metric says of the same file.

Every model of the zoo with minimum and maximum alone, `fast` and `balanced`, per tensor and per channel.
Files and their metrics are kept, the latter by the file's digest: measures and bars can be judged again in a minute.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from dlpuconv.files.content import sha256_of
from scripts.benchmarks.evaluation import DECIBEL_METRIC, Evaluation
from scripts.benchmarks.shared import console, mark, model_names, opened, source_model, zoo_folder, zoo_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dlpuconv.verification.report import Report
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.shared import Array

MINMAX, FAST, BALANCED = "minmax", "fast", "balanced"
RECIPES = (MINMAX, FAST, BALANCED)
TARGETS = {"per-tensor": "artpec8", "per-channel": "artpec9"}
NO_LOSS, LOSS = 0.02, 0.05
"""Of the metric: a file that loses less must pass, one that loses more must fail."""
IN_DECIBELS = 50.0
"""One decibel counts as two points."""
EXCEPTIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One file of the table."""

    name: str
    recipe: str
    granularity: str

    @property
    def key(self) -> str:
        """Name of what is kept."""
        return f"{self.name}.{self.recipe}.{self.granularity}"

    @property
    def target(self) -> str:
        """A chip that takes this granularity."""
        return TARGETS[self.granularity]


def run_verdicts(
    *, models: str, samples: int, kept: Path, recipes: tuple[str, ...] = RECIPES, only_kept: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Convert, or take what is kept; judge, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        kept: folder for files and their metrics.
        recipes: which of them.
        only_kept: leave out what would have to be converted.

    Returns:
        The figures by file, and more wrong verdicts than are allowed.
    """
    kept.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    for name in model_names(models):
        model = _Model(name, samples, kept)
        for job in _jobs(name, recipes):
            if only_kept and not model.file(job).is_file():
                continue
            figures[job.key] = model.figures(job)
            console.print(f"{job.key}: {figures[job.key]['lost']} {figures[job.key]['told'] or 'passes'}")
    _print(figures)
    wrong = [key for key, found in figures.items() if not found["right"]]
    return {"samples": samples, "files": figures}, wrong if len(wrong) > EXCEPTIONS else []


def _jobs(name: str, recipes: tuple[str, ...]) -> Iterator[Job]:
    return (Job(name=name, recipe=recipe, granularity=grain) for recipe in recipes for grain in TARGETS)


class _Model:
    """One model of the zoo, with its samples, which are read where they are needed."""

    def __init__(self, name: str, samples: int, kept: Path) -> None:
        self._name, self._samples, self._kept = name, samples, kept
        self._source = zoo_folder() / name / "model.onnx"
        self._task = zoo_module().task(name)
        self._evaluation: Evaluation | None = None

    def file(self, job: Job) -> Path:
        """Where the file is kept, with its manifest."""
        return self._kept / job.key / f"model.{job.target}.tflite"

    def figures(self, job: Job) -> dict[str, Any]:
        """Verdict and metric of a file, and whether they fit."""
        import dlpuconv

        file = self.file(job)
        if not file.is_file():
            self._converted(job).save(file.parent)
        report = dlpuconv.verify(
            file, target=job.target, reference=self._source, data=self._held_out(), progress=None
        ).report
        metric = self._metric(file)
        scale = IN_DECIBELS if DECIBEL_METRIC in metric["name"] else 1.0
        lost = (metric["float"] - metric["file"]) / scale
        passes = not any(finding.rule.startswith("OUT-") for finding in _failed(report))
        return {
            **metric,
            "lost": round(lost, 4),
            "passes": passes,
            "right": passes if lost <= NO_LOSS else not passes if lost > LOSS else True,
            "told": [finding.hits[0].detail for finding in _failed(report)],
            "parity": None if report.parity is None else report.parity.to_json(),
        }

    def _converted(self, job: Job) -> Conversion:
        import dlpuconv
        from dlpuconv.quantization import Observer, Recipe
        from dlpuconv.scheme import Granularity

        plain = Recipe(granularity=Granularity(job.granularity), observer=Observer.MINMAX)
        how: dict[str, Any] = {"recipe": plain}
        if job.recipe != MINMAX:
            how = {"granularity": job.granularity, "effort": job.recipe}
        given: dict[str, Any] = {"calibration": {self._input: self._values}, "cache": False, "progress": None}
        return dlpuconv.convert(self._source, target=job.target, **given, **how)

    def _held_out(self) -> dict[str, Array]:
        """What a conversion with these samples would judge its own file by."""
        held_out = opened(self._values, source_model(self._name)).held_out
        return {self._input: np.concatenate([sample[self._input] for sample in held_out])}

    @cached_property
    def _values(self) -> Array:
        return np.asarray(self._task.load_calib(self._samples), np.float32)

    @cached_property
    def _input(self) -> str:
        return source_model(self._name).signature.inputs[0].name

    def _metric(self, file: Path) -> dict[str, Any]:
        known = self._kept / f"{sha256_of(file.read_bytes())}.json"
        if not known.is_file():
            if self._evaluation is None:
                self._evaluation = Evaluation.load(self._name)
            exact, found = (
                round(float(self._task.score(outputs, self._evaluation.y)), 4)
                for outputs in (self._evaluation.reference, self._evaluation.loaded(file))
            )
            known.write_text(json.dumps({"name": self._task.METRIC, "float": exact, "file": found}))
        metric: dict[str, Any] = json.loads(known.read_text())
        return metric


def _failed(report: Report) -> list[Any]:
    return [finding for finding in report.findings if finding.severity.value == "fail"]


def _print(figures: dict[str, Any]) -> None:
    table = Table(title="verdicts by data alone beside each model's own metric")
    for column in ("file", "metric", "float", "file's", "lost", "verdict", "told"):
        table.add_column(column, overflow="fold")
    table.add_column("right")
    for key, found in figures.items():
        verdict = "pass" if found["passes"] else "[yellow]fail[/]"
        told = found["told"][0] if found["told"] else ""
        must = NO_LOSS < found["lost"] <= LOSS
        row = (found["name"], f"{found['float']:.3f}", f"{found['file']:.3f}", f"{100 * found['lost']:+.1f}")
        table.add_row(key, *row, verdict, told, "either" if must else mark(found["right"]))
    console.print(table)
    for key, found in figures.items():
        if not found["right"]:
            verdict = "passes" if found["passes"] else "fails"
            console.print(f"[red]wrong:[/] {key} lost {100 * found['lost']:.1f} points and {verdict}")
