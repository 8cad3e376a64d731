"""Every model as QDQ for ONNX Runtime: ours beside the best that onnxruntime.quantization makes of the same samples.

Both have uint8 activations and int8 weights per channel, and run in ONNX Runtime as anybody runs them.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.evaluation import Evaluation
from scripts.benchmarks.process import measure
from scripts.benchmarks.qdq_rival import AS_IT_IS, METHODS, PREPARED, USUAL, Way
from scripts.benchmarks.resampling import paired_bootstrap
from scripts.benchmarks.shared import console, mark, model_names, opened, source_model, zoo_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scripts.benchmarks.metrics import Measure
    from scripts.benchmarks.shared import Array

MOST_BELOW_DB = 0.3
"""How far our signal-to-noise ratio may fall below theirs on any model."""
MOST_NOT_HIGHER = 2
"""Models on which ours need not be higher."""
_REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Scored:
    """A file on the evaluation data.

    Attributes:
        measure: the model's own metric.
        metric: what it is.
        sqnr_db: beside the float model.
    """

    measure: Measure
    metric: float
    sqnr_db: float

    @classmethod
    def of(cls, evaluation: Evaluation, content: bytes) -> Scored:
        """Run a file in ONNX Runtime."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.onnx"
            file.write_bytes(content)
            outputs, names = evaluation.zoo.run_onnx(str(file), evaluation.x)
        found = dict(zip(names, outputs, strict=True))
        ordered = [found[name] for name in evaluation.names]
        measure = evaluation.measure(ordered)
        return cls(measure, measure(np.ones(len(evaluation.x))), evaluation.decibels(ordered))

    def told(self) -> dict[str, float]:
        """For the table and the file of figures."""
        return {"metric": round(self.metric, 4), "sqnr_db": round(self.sqnr_db, 2)}


def run_qdq(*, models: str, samples: int, limit: int | None, ours: bool) -> tuple[dict[str, Any], list[str]]:
    """Quantize both ways, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all.
        ours: False to measure onnxruntime.quantization alone.

    Returns:
        The figures by model, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    for name in model_names(models):
        start = time.perf_counter()
        evaluation = Evaluation.load(name, limit)
        found: dict[str, Any] = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
        found["float"] = {"metric": round(float(evaluation.task.score(evaluation.reference, evaluation.y)), 4)}
        values = np.asarray(evaluation.task.load_calib(samples), np.float32)
        theirs = _theirs(evaluation, values, found)
        mine = _ours(evaluation, values, found) if ours else None
        if mine is not None and theirs is not None:
            found["difference"] = _difference(evaluation, mine, theirs)
        found["seconds"] = round(time.perf_counter() - start, 1)
        figures[name] = found
        console.print(f"{name}: {found}")
    missed = _missed(figures) if ours else []
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _theirs(evaluation: Evaluation, values: Array, found: dict[str, Any]) -> Scored | None:
    """The method of the highest ratio that stays within the memory."""
    best = None
    for method, content in rivals(evaluation.name, values):
        if isinstance(content, str):
            found[method] = {"error": content}
            continue
        try:
            scored = Scored.of(evaluation, content)
        except Exception as error:  # noqa: BLE001 - ONNX Runtime's share no base: it refuses some of its own files
            found[method] = {"error": str(error)}
            continue
        found[method] = scored.told()
        best = scored if best is None or scored.sqnr_db > best.sqnr_db else best
    if best is not None:
        found["theirs"] = best.told()
    return best


def rivals(
    name: str, values: Array, methods: Iterable[str] = METHODS, way: Way = USUAL
) -> Iterator[tuple[str, bytes | str]]:
    """What onnxruntime.quantization makes of a model by each method: a file, or why there is none."""
    model = source_model(name)
    (port,) = model.signature.inputs
    fit = np.concatenate([sample[port.name] for sample in opened(values, model).fit])
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        data, result = Path(folder) / "samples.npy", Path(folder) / "model.onnx"
        np.save(data, fit)
        for method in methods:
            given = [str(zoo_folder() / name / "model.onnx"), str(data), port.name, method, str(result)]
            given += [way.granularity, PREPARED if way.prepared else AS_IT_IS]
            ran = measure([sys.executable, "-m", "scripts.benchmarks.qdq_rival", *given], _REPOSITORY)
            yield method, ran.last_words or f"status {ran.status}" if ran.status else result.read_bytes()


def _ours(evaluation: Evaluation, values: Array, found: dict[str, Any]) -> Scored | None:
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    file = zoo_folder() / evaluation.name / "model.onnx"
    given = {source_model(evaluation.name).signature.inputs[0].name: values}
    try:
        made = dlpuconv.convert(file, target="onnxruntime", calibration=given, cache=False)
    except DlpuconvError as error:
        found["ours"] = {"error": f"{error.kind}: {error}"}
        return None
    scored = Scored.of(evaluation, made.artifacts[0].content)
    found["ours"] = {**scored.told(), "verdict": made.verdict}
    return scored


def _difference(evaluation: Evaluation, ours: Scored, theirs: Scored) -> dict[str, float]:
    """Our metric less theirs, and the 95 % interval of that by resampling the evaluation data, the same for both."""
    apart = paired_bootstrap([ours.measure], theirs.measure, len(evaluation.x))
    return {"metric": round(apart.mean, 4), "low": round(apart.low, 4), "high": round(apart.high, 4)}


def _missed(figures: dict[str, Any]) -> list[str]:
    missed, lower = [], 0
    for name, found in figures.items():
        if "error" in found["ours"]:
            missed.append(f"{name}: {found['ours']['error']}")
        elif "theirs" in found:
            below = found["theirs"]["sqnr_db"] - found["ours"]["sqnr_db"]
            lower += below >= 0
            if below > MOST_BELOW_DB:
                missed.append(f"{name}: {below:.2f} dB below theirs")
            if found["difference"]["high"] < 0:
                missed.append(f"{name}: the metric is lower: {found['difference']}")
    if lower > MOST_NOT_HIGHER:
        missed.append(f"the ratio is not higher on {lower} models; {MOST_NOT_HIGHER} may be")
    return missed


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="QDQ files in ONNX Runtime; in brackets the signal-to-noise ratio in dB")
    columns = ("model", "metric", "float", *METHODS, "ours", "difference, 95 %", "bars")
    for column in columns:
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        cells = [_cell(found.get(title)) for title in (*METHODS, "ours")]
        apart = found.get("difference")
        interval = f"{apart['metric']:+.4f} ({apart['low']:+.4f} to {apart['high']:+.4f})" if apart else ""
        good = not any(m.startswith(f"{name}:") for m in missed)
        metric = f"{found['metric']} ({found['evaluated']})"
        table.add_row(name, metric, f"{found['float']['metric']:.3f}", *cells, interval, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return "[red]error[/]" if "error" in found else f"{found['metric']:.3f} ({found['sqnr_db']:.1f})"
