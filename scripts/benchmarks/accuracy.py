"""Every model's own metric: float, dlpuconv's integers, and TFLiteConverter's from the same float graph and samples."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.shared import (
    console,
    float_graph,
    has_tensorflow,
    mark,
    model_names,
    opened,
    source_model,
    zoo_folder,
    zoo_module,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.ir import Model
    from scripts.benchmarks.shared import Array

OURS_PC, OURS_PT, THEIRS_PC, THEIRS_PT = "ours per-channel", "ours per-tensor", "TF per-channel", "TF per-tensor"
MAY_LOSE = {
    "cifar_mobilenetv2": 0.01, "cifar_efficientnet": 0.01, "cifar_resnet20": 0.01, "imagenet_mnv2_torch": 0.01,
    "kws_dscnn_mlperf": 0.01, "kws_kwt1": 0.01, "det_yolov5n_axis": 0.01, "vww_mobilenetv1_025": 0.016,
    "face_retinaface_mnet025": 0.04,
}  # fmt: skip
"""How far per channel may fall below float, in the metric's own unit."""

AT_LEAST = {"sr_fsrcnn_x2": 29.0}
BESIDE_TENSORFLOW = 0.005
"""How far per channel may fall below TFLiteConverter's (dB for sr_fsrcnn_x2: a twentieth)."""

DECIBEL_METRIC = "PSNR"
_EPSILON = 1e-9


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Data and reference of one model.

    Attributes:
        zoo: the zoo's module.
        name: of the model.
        task: the zoo's module for it.
        x: [N, ...] float32, preprocessed, in the source's layout.
        y: what `task.score` wants.
        reference: the float model's outputs, each [N, ...].
        names: of the outputs.
    """

    zoo: Any
    name: str
    task: Any
    x: Array
    y: Any
    reference: list[Array]
    names: list[str]

    @classmethod
    def load(cls, zoo: Any, name: str, limit: int | None) -> Evaluation:
        """Read the evaluation data and run the float model."""
        task = zoo.task(name)
        x, y = task.load_eval()
        x, y = np.asarray(x[:limit], np.float32), y[:limit]
        reference, names = zoo.run_onnx(str(zoo_folder() / name / "model.onnx"), x)
        return cls(zoo, name, task, x, y, reference, names)

    def score(self, content: bytes) -> dict[str, float]:
        """Metric and SQNR of a TFLite file on the integer kernels."""
        shapes = [(len(r) // len(self.x), *r.shape[1:]) for r in self.reference]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.tflite"
            file.write_bytes(content)
            got = self.zoo.run_tflite(str(file), self.x, self.names, shapes)
        metric = float(self.task.score(got, self.y))
        return {"metric": round(metric, 4), "sqnr_db": round(float(self.zoo.sqnr(self.reference, got)), 2)}


def run_accuracy(*, models: str, samples: int, limit: int | None) -> tuple[dict[str, Any], list[str]]:
    """Convert, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all. With a limit, figures are coarser and bars may be missed by luck.

    Returns:
        The figures by model, and the bars that were missed.
    """
    zoo = zoo_module()
    figures: dict[str, Any] = {}
    missed: list[str] = []
    for name in model_names(models):
        start = time.perf_counter()
        evaluation = Evaluation.load(zoo, name, limit)
        found: dict[str, Any] = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
        found["float"] = {"metric": round(float(evaluation.task.score(evaluation.reference, evaluation.y)), 4)}
        for title, content in _files(name, np.asarray(evaluation.task.load_calib(samples), np.float32)):
            found[title] = {"error": content} if isinstance(content, str) else evaluation.score(content)
            console.print(f"{name}: {title} {found[title]}")
        found["seconds"] = round(time.perf_counter() - start, 1)
        figures[name] = found
        missed += [f"{name}: {sentence}" for sentence in _missed(name, found)]
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _files(name: str, values: Array) -> Iterator[tuple[str, bytes | str]]:
    """Every file that is compared, or why there is none."""
    import dlpuconv
    from dlpuconv.errors import DlpuconvError

    model = source_model(name)
    common: dict[str, Any] = {"effort": "fast", "cache": False, "calibration": {model.signature.inputs[0].name: values}}
    for title, target, granularity in ((OURS_PC, "artpec9", "per-channel"), (OURS_PT, "artpec8", "per-tensor")):
        try:
            file = zoo_folder() / name / "model.onnx"
            yield title, dlpuconv.convert(file, target=target, granularity=granularity, **common).artifacts[0].content
        except DlpuconvError as error:
            yield title, f"{error.kind}: {error}"
    if has_tensorflow():
        yield from _theirs(model, values)


def _theirs(model: Model, values: Array) -> Iterator[tuple[str, bytes | str]]:
    from dlpuconv.errors import DlpuconvError
    from dlpuconv_backends.savedmodel import tensorflow_oracle

    try:
        lowered, content = float_graph(model)
        orders = lowered.input_permutations
        fit = opened(values, model).fit
        samples = [[np.ascontiguousarray(np.transpose(s[n], orders[n])) for n in orders] for s in fit]
    except DlpuconvError as error:
        yield THEIRS_PC, f"{error.kind}: {error}"
        return
    try:
        with tensorflow_oracle(content, samples) as oracle:
            yield THEIRS_PC, oracle.quantize(per_channel=True, dtype="uint8")
            yield THEIRS_PT, oracle.quantize(per_channel=False, dtype="uint8")
    except DlpuconvError as error:
        yield THEIRS_PC, f"{error.kind}: {error}"


def _missed(name: str, found: dict[str, Any]) -> list[str]:
    ours = found[OURS_PC]
    if "error" in ours:
        return [str(ours["error"])]
    missed = []
    floor = found["float"]["metric"] - MAY_LOSE.get(name, np.inf)
    if ours["metric"] < max(floor, AT_LEAST.get(name, -np.inf)) - _EPSILON:
        missed.append(f"per channel {ours['metric']}, float {found['float']['metric']}")
    theirs = found.get(THEIRS_PC, {}).get("metric")
    slack = 10 * BESIDE_TENSORFLOW if DECIBEL_METRIC in found["metric"] else BESIDE_TENSORFLOW
    if theirs is not None and ours["metric"] < theirs - slack - _EPSILON:
        missed.append(f"per channel {ours['metric']}, TFLiteConverter {theirs}")
    return missed


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="accuracy on integer kernels; in brackets the signal-to-noise ratio in dB")
    columns = ("model", "metric", "float", OURS_PC, THEIRS_PC, OURS_PT, THEIRS_PT, "bars")
    for column in columns:
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        cells = [_cell(found.get(title)) for title in (OURS_PC, THEIRS_PC, OURS_PT, THEIRS_PT)]
        good = not any(m.startswith(f"{name}:") for m in missed)
        metric = f"{found['metric']} ({found['evaluated']})"
        table.add_row(name, metric, f"{found['float']['metric']:.3f}", *cells, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _cell(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    return "[red]error[/]" if "error" in found else f"{found['metric']:.3f} ({found['sqnr_db']:.1f})"
