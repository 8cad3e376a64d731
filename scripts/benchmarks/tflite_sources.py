"""Quantized TFLite files as sources: what a file for each chip keeps of one, with and without samples."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.evaluation import DECIBEL_METRIC, Evaluation
from scripts.benchmarks.shared import console, mark, model_names

if TYPE_CHECKING:
    from dlpuconv.workflow.conversion import Conversion
    from scripts.benchmarks.shared import Array

MOST_LOST = 0.01
"""Of a metric: one point."""
_IMAGE_AXES = 4


def run_tflite_sources(*, models: str, samples: int, limit: int | None) -> tuple[dict[str, Any], list[str]]:
    """Make a file per channel of each model, and convert that file: the same codes per channel, and then per tensor.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all.

    Returns:
        The figures by model, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    for name in model_names(models):
        figures[name] = found = _measured(Evaluation.load(name, limit), samples)
        console.print(f"{name}: {found}")
    missed = [f"{name}: {sentence}" for name, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _measured(evaluation: Evaluation, samples: int) -> dict[str, Any]:
    import dlpuconv
    from scripts.benchmarks.shared import source_model, zoo_folder

    values = np.asarray(evaluation.task.load_calib(samples), np.float32)
    (given,) = source_model(evaluation.name).signature.inputs
    float_file = zoo_folder() / evaluation.name / "model.onnx"
    first = dlpuconv.convert(float_file, target="artpec7", effort="fast", calibration={given.name: values})
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        source = first.save(folder)[0]
        turned = _channels_last if values.ndim == _IMAGE_AXES and given.layout != "nhwc" else np.asarray
        expected = evaluation.loaded(source)
        fed = {given.name: turned(values)}
        made = {
            "per channel": dlpuconv.convert(source, target="artpec7"),
            "per tensor, no samples": dlpuconv.convert(source, target="artpec8"),
            "per tensor": dlpuconv.convert(source, target="artpec8", calibration=fed),
        }
        scores = {way: _scored(evaluation, expected, each, turned) for way, each in made.items()}
        metric = round(float(evaluation.task.score(expected, evaluation.y)), 4)
        same = _constants(source) == _constants(made["per channel"].save(Path(folder) / "again")[0])
    return {"metric": evaluation.task.METRIC, "source": metric, "same_constants": same, **scores}


def _scored(evaluation: Evaluation, expected: list[Array], made: Conversion, turned: Any) -> dict[str, float]:
    """The metric of a file, and dB beside its source."""
    import dlpuconv

    with tempfile.TemporaryDirectory(prefix="bench-") as folder, dlpuconv.load(made.save(folder)[0]) as network:
        rows = [list(network(turned(evaluation.x[at : at + 1])).values()) for at in range(len(evaluation.x))]
    joined = [np.concatenate(values) for values in zip(*rows, strict=True)]
    outputs = [_like(values, wanted) for values, wanted in zip(joined, expected, strict=True)]
    return {
        "metric": round(float(evaluation.task.score(outputs, evaluation.y)), 4),
        "db": round(float(evaluation.zoo.sqnr(expected, outputs)), 2),
    }


def _channels_last(values: Array) -> Array:
    return values.transpose(0, 2, 3, 1)


def _like(values: Array, wanted: Array) -> Array:
    """Values with channels last, where the float model has them in front."""
    if values.ndim == _IMAGE_AXES and values.shape != wanted.shape:
        values = values.transpose(0, 3, 1, 2)
    return values.reshape(wanted.shape)


def _constants(file: Path) -> list[tuple[str, Any, bytes]]:
    """What layers with weights hold: operator, scales, codes."""
    from dlpuconv.formats.tflite_file import read_tflite
    from dlpuconv.inspection.roles import weights_of

    view = read_tflite(file)
    held = [(layer.op, tensor) for layer in view.layers if (tensor := weights_of(view, layer)) is not None]
    return [(op, each.quantization, b"" if each.data is None else each.data.tobytes()) for op, each in held]


def _missed(found: dict[str, Any]) -> list[str]:
    share = 100 if DECIBEL_METRIC in found["metric"] else 1
    ways = ("per channel", "per tensor, no samples", "per tensor")
    lost = {way: round(found["source"] - found[way]["metric"], 4) for way in ways}
    sentences = [f"{way}: the metric is {each:.4f} below the source's" for way, each in lost.items()]
    missed = [text for text, each in zip(sentences, lost.values(), strict=True) if each > MOST_LOST * share]
    return missed if found["same_constants"] else ["per channel: the constants are not the source's", *missed]


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="Quantized TFLite files as sources: the metric, and dB beside the source")
    for column in ("model", "metric", "source", "per channel", "dB", "no samples", "dB", "per tensor", "dB", "bars"):
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        ways = (found["per channel"], found["per tensor, no samples"], found["per tensor"])
        cells = [str(each[key]) for each in ways for key in ("metric", "db")]
        good = not any(sentence.startswith(f"{name}: ") for sentence in missed)
        table.add_row(name, found["metric"], str(found["source"]), *cells, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
