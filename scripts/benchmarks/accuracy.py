"""Every model's own metric: float, dlpuconv's integers as `dlpuconv.load` runs them, and TFLiteConverter's.

Ours are converted as one batch a model, and are the mean over calibration draws. What lies within the paired
bootstrap's interval over the evaluation samples is luck.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.bars import missed_bars
from scripts.benchmarks.conversions import convert_all
from scripts.benchmarks.evaluation import Evaluation
from scripts.benchmarks.resampling import are_disjoint, calibration_draws, paired_bootstrap
from scripts.benchmarks.shared import (
    console,
    float_graph,
    mark,
    model_names,
    opened,
    source_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dlpuconv.batches.batch import Batch
    from dlpuconv.batches.record import JobRecord
    from scripts.benchmarks.shared import Array

TARGETS = {"per-tensor": "artpec8", "per-channel": "artpec9"}
THEIRS = {"TF per-tensor": False, "TF per-channel": True}


@dataclass(frozen=True, slots=True)
class Column:
    """One way to convert.

    Attributes:
        granularity: of weights.
        effort: of the search.
    """

    granularity: str
    effort: str

    @property
    def title(self) -> str:
        """Of the column."""
        return f"{self.granularity}, {self.effort}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured.

    Attributes:
        samples: for calibration.
        draws: how often other samples calibrate.
        columns: ways to convert.
        limit: of evaluation samples; None for all. Figures are coarser, and bars may be missed by luck.
        rival: TFLiteConverter too, where it is installed, with the first draw.
        store: folder where conversions are kept, so that the same plan goes on where it ended; None to keep none.
        workers: conversions at the same time; one for each processor if None.
    """

    samples: int
    draws: int
    columns: tuple[Column, ...]
    limit: int | None
    rival: bool
    store: Path | None = None
    workers: int | None = None


def run_accuracy(
    *, models: str, plan: Plan, earlier: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[str]]:
    """Convert, evaluate, print, collect.

    Args:
        models: glob of names.
        plan: what is measured of each.
        earlier: figures of such a run, below which nothing may fall by more than luck.

    Returns:
        The figures by model, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    missed: list[str] = []
    for name in model_names(models):
        figures[name] = _one(name, plan)
        before = (earlier or {}).get("models", {}).get(name, {})
        missed += [f"{name}: {sentence}" for sentence in missed_bars(name, figures[name], before)]
    _print(figures, plan, missed)
    return {"samples": plan.samples, "draws": plan.draws, "models": figures}, missed


def _one(name: str, plan: Plan) -> dict[str, Any]:
    start = time.perf_counter()
    evaluation = Evaluation.load(name, plan.limit)
    pool = np.asarray(evaluation.task.load_calib(_ALL), np.float32)
    draws = calibration_draws(len(pool), plan.samples, plan.draws)
    found: dict[str, Any] = {
        "metric": evaluation.task.METRIC,
        "in_decibels": evaluation.in_decibels,
        "evaluated": len(evaluation.x),
        "calibrated": [len(draw) for draw in draws],
        "disjoint": are_disjoint(draws),
        "float": {"metric": round(evaluation.exact(np.ones(len(evaluation.x))), 4)},
        "columns": {},
    }
    for title, figures in _ours(evaluation, plan, [pool[draw] for draw in draws]):
        found["columns"][title] = figures
        console.print(f"{name}: {title} {figures}")
    if plan.rival:
        found["columns"] |= _theirs(evaluation, pool[draws[0]])
    found["seconds"] = round(time.perf_counter() - start, 1)
    return found


_ALL = 1 << 20
"""Calibration samples that are asked for in order to have all there are."""


def _ours(evaluation: Evaluation, plan: Plan, draws: Sequence[Array]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of every column, from one batch."""
    ways = {
        column.title: (TARGETS[column.granularity], {"granularity": column.granularity, "effort": column.effort})
        for column in plan.columns
    }
    with ExitStack() as stack:
        store = plan.store or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        done, found = convert_all(evaluation.name, ways, draws, store, plan.workers)
        for title, records in found.items():
            yield title, _judged(evaluation, done, records)


def _judged(evaluation: Evaluation, done: Batch, records: Sequence[JobRecord]) -> dict[str, Any]:
    for record in records:
        if not record.files:
            return {"error": f"{record.error_kind}: {record.error}"}
    answers = [_answers(evaluation, done, record) for record in records]
    seconds = float(np.mean([record.circumstances.seconds for record in records]))
    return {**_scored(evaluation, answers), "seconds": round(seconds, 1)}


def _answers(evaluation: Evaluation, done: Batch, record: JobRecord) -> list[Array]:
    from dlpuconv.batches.results.folder import save_files

    with tempfile.TemporaryDirectory() as folder:
        save_files(record, done.store, Path(folder))
        return evaluation.loaded(Path(folder) / f"model.{record.target}.tflite")


def _scored(evaluation: Evaluation, answers: Sequence[Sequence[Array]]) -> dict[str, Any]:
    """Metric and signal-to-noise ratio by draw, and the mean metric less float's with its interval."""
    measures = [evaluation.measure(list(outputs)) for outputs in answers]
    once = np.ones(len(evaluation.x))
    apart = paired_bootstrap(measures, evaluation.exact, len(evaluation.x))
    ratios = [evaluation.decibels(list(outputs)) for outputs in answers]
    return {
        "metric": round(float(np.mean([measure(once) for measure in measures])), 4),
        "by_draw": [round(measure(once), 4) for measure in measures],
        "sqnr_db": round(float(np.mean(ratios)), 2),
        "sqnr_db_by_draw": [round(ratio, 2) for ratio in ratios],
        "less_float": {"mean": round(apart.mean, 4), "low": round(apart.low, 4), "high": round(apart.high, 4)},
    }


def _theirs(evaluation: Evaluation, values: Array) -> dict[str, Any]:
    """TFLiteConverter's files from the same float graph and samples."""
    found: dict[str, Any] = {}
    for title, content in _rival_files(evaluation, values):
        try:
            found[title] = {"error": content} if isinstance(content, str) else _foreign(evaluation, content)
        except RuntimeError as error:
            found[title] = {"error": str(error)}
        console.print(f"{evaluation.name}: {title} {found[title]}")
    return found


def _foreign(evaluation: Evaluation, content: bytes) -> dict[str, Any]:
    return _scored(evaluation, [evaluation.foreign(content)])


def _rival_files(evaluation: Evaluation, values: Array) -> Iterator[tuple[str, bytes | str]]:
    """Every file, or why there is none."""
    from dlpuconv.errors import DlpuconvError
    from dlpuconv_backends.savedmodel import tensorflow_oracle

    model = source_model(evaluation.name)
    try:
        lowered, content = float_graph(model)
        orders = lowered.input_permutations
        fit = opened(values, model).fit
        samples = [[np.ascontiguousarray(np.transpose(s[n], orders[n])) for n in orders] for s in fit]
        oracle = tensorflow_oracle(content, samples)
        for title, per_channel in THEIRS.items():
            yield title, oracle.quantize(per_channel=per_channel, dtype="uint8")
    except DlpuconvError as error:
        yield "TF per-channel", f"{error.kind}: {error}"


def _print(figures: dict[str, Any], plan: Plan, missed: list[str]) -> None:
    draws = f"mean of {plan.draws} calibration draws" if plan.draws > 1 else "one calibration draw"
    table = Table(
        title=f"accuracy on integer kernels, {draws}; in square brackets, less float: the paired bootstrap's 95 %"
        " interval in points, or dB; in round ones, the signal-to-noise ratio in dB",
    )
    titles = [*(column.title for column in plan.columns), *(THEIRS if plan.rival else ())]
    for column in ("model", "metric", "draws", "float", *titles, "bars"):
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        sizes = found["calibrated"]
        drawn = f"{len(sizes)} x {sizes[0]}" + ("" if found["disjoint"] else ", overlapping")
        cells = [_cell(found["columns"].get(title), found["in_decibels"]) for title in titles]
        good = not any(sentence.startswith(f"{name}:") for sentence in missed)
        metric = f"{found['metric']} ({found['evaluated']})"
        table.add_row(name, metric, drawn, f"{found['float']['metric']:.3f}", *cells, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _cell(found: dict[str, Any] | None, in_decibels: bool) -> str:
    if found is None:
        return ""
    if "error" in found:
        return "[red]error[/]"
    low, high = (found["less_float"][end] * (1 if in_decibels else 100) for end in ("low", "high"))
    return rf"{found['metric']:.3f} \[{low:+.1f} {high:+.1f}] ({found['sqnr_db']:.1f})"
