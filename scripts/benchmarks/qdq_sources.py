"""Every model that onnxruntime.quantization can quantize as a source: what the file keeps, and how alike it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.evaluation import DECIBEL_METRIC, Evaluation
from scripts.benchmarks.fed_layers import fed_layers
from scripts.benchmarks.qdq import Scored, rivals
from scripts.benchmarks.shared import console, mark, model_names, opened, source_model

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.shared import Array

TARGETS = {"per-tensor": "artpec8", "per-channel": "artpec7"}
"""A chip that takes such weights."""
LEAST_DB, MOST_LOST, LEAST_EQUAL = 20.0, 0.005, 0.99
_FED = 3
"""Samples on which layers are compared."""


def run_sources(*, models: str, samples: int, limit: int | None) -> tuple[dict[str, Any], list[str]]:
    """Quantize, convert, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all.

    Returns:
        The figures by model and granularity, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    for name in model_names(models):
        evaluation = Evaluation.load(name, limit)
        values = np.asarray(evaluation.task.load_calib(samples), np.float32)
        for granularity in TARGETS:
            figures[f"{name}, {granularity}"] = found = _measured(evaluation, values, granularity)
            console.print(f"{name}, {granularity}: {found}")
    missed = [f"{title}: {sentence}" for title, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _measured(evaluation: Evaluation, values: Array, granularity: str) -> dict[str, Any]:
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    found: dict[str, Any] = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
    ((_, content),) = rivals(evaluation.name, values, ("MinMax",), granularity)
    if isinstance(content, str):
        return {**found, "no_source": content}
    found["source"] = Scored.of(evaluation, content).told()
    name = source_model(evaluation.name).signature.inputs[0].name
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = Path(folder) / "model.onnx"
        source.write_bytes(content)
        try:
            made = dlpuconv.convert(source, target=TARGETS[granularity], calibration={name: values}, cache=False)
        except DlpuconvError as error:
            return {**found, "error": f"{error.kind}: {error}"}
        return found | _compared(evaluation, source, made, values)


def _compared(evaluation: Evaluation, source: Path, made: Conversion, values: Array) -> dict[str, Any]:
    from dlpuconv.frontends import SourceOptions, load

    (artifact,), parity = made.artifacts, made.report.parity
    assert parity is not None
    scales: Any = artifact.artifact.facts["source_scales"]
    model = load(source, SourceOptions())
    few = [sample for _, sample in zip(range(_FED), opened(values, model).held_out, strict=False)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = made.save(folder)[0]
        layers = fed_layers(model, file, artifact.artifact.links, few)
        outputs = evaluation.loaded(file)
    return {
        "file": round(float(evaluation.task.score(outputs, evaluation.y)), 4),
        "sqnr_db": round(parity.min_sqnr, 2),
        "kept": scales["kept"],
        "refitted": len(scales["refitted"]),
        "not_stated": len(scales["measured"]),
        "layers": len(layers),
        "most_steps": max((layer.most for layer in layers), default=0),
        "least_equal": round(min((layer.equal for layer in layers), default=1.0), 4),
    }


def _missed(found: dict[str, Any]) -> list[str]:
    if "no_source" in found:
        return []
    if "error" in found:
        return [found["error"]]
    lost = round(found["source"]["metric"] - found["file"], 4)
    share = 100 if DECIBEL_METRIC in found["metric"] else 1
    tests = {
        f"{found['sqnr_db']} dB beside the source": found["sqnr_db"] >= LEAST_DB,
        f"the metric is {lost:.4f} below the source's": lost <= MOST_LOST * share,
        f"a layer is {found['most_steps']} steps apart": found["most_steps"] <= 1,
        f"a layer has but {found['least_equal']:.2%} equal codes": found["least_equal"] >= LEAST_EQUAL,
    }
    return [sentence for sentence, good in tests.items() if not good]


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="Quantized sources: the metric, and dB beside the source in ONNX Runtime")
    for column in ("model", "metric", "source", "file", "dB", "kept", "re-fitted", "not stated", "equal", "bars"):
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for title, found in figures.items():
        good = not any(sentence.startswith(f"{title}: ") for sentence in missed)
        source = f"{found['source']['metric']:.3f}" if "source" in found else "-"
        keys = ("file", "sqnr_db", "kept", "refitted", "not_stated", "least_equal")
        table.add_row(title, found["metric"], source, *(str(found.get(key, "-")) for key in keys), mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
