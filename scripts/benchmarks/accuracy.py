"""Every model's own metric: float, dlpuconv's integers, and TFLiteConverter's from the same float graph and samples.

Per tensor at the default effort, beside plain min/max ranges; per channel at the fast one.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.shared import (
    NORMALIZATIONS,
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

NAIVE_PT, OURS_PT, OURS_PC = "naive per-tensor", "ours per-tensor", "ours per-channel, fast"
NO_DATA = "ours per-tensor, no data"
THEIRS_PC, THEIRS_PT = "TF per-channel", "TF per-tensor"
TITLES = (NAIVE_PT, OURS_PT, OURS_PC, NO_DATA, THEIRS_PT, THEIRS_PC)
MAY_LOSE = {
    "cifar_mobilenetv2": 0.01, "cifar_efficientnet": 0.01, "cifar_resnet20": 0.01, "imagenet_mnv2_torch": 0.01,
    "kws_dscnn_mlperf": 0.01, "kws_kwt1": 0.01, "det_yolov5n_axis": 0.01, "vww_mobilenetv1_025": 0.016,
    "face_retinaface_mnet025": 0.04,
}  # fmt: skip
"""How far per channel may fall below float, in the metric's own unit."""

AT_LEAST = {"sr_fsrcnn_x2": 29.0}
PER_TENSOR_AT_LEAST = {
    "cifar_mobilenetv2": 0.795, "imagenet_mnv2_torch": 0.8, "det_yolov5n_axis": 0.492, "sr_fsrcnn_x2": 29.8,
    "text_ppocrv5_det": 0.75,
}  # fmt: skip
PER_TENSOR_MAY_LOSE = {"face_retinaface_mnet025": 0.02}
"""How far per tensor may fall below float; 0.01 below float or TFLiteConverter per channel where nothing is said."""
BESIDE_TENSORFLOW = 0.005
"""How far per channel may fall below TFLiteConverter's; ten times that in dB."""

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
            found[title] = {"error": content} if isinstance(content, str) else _scored(evaluation, content)
            console.print(f"{name}: {title} {found[title]}")
        found["seconds"] = round(time.perf_counter() - start, 1)
        figures[name] = found
        missed += [f"{name}: {sentence}" for sentence in _missed(name, found)]
    _print(figures, missed)
    return {"samples": samples, "models": figures}, missed


def _scored(evaluation: Evaluation, content: bytes) -> dict[str, Any]:
    try:
        return evaluation.score(content)
    except RuntimeError as error:  # a kernel gave up, as DIV does on zero in files of TFLiteConverter
        return {"error": str(error)}


def _files(name: str, values: Array) -> Iterator[tuple[str, bytes | str]]:
    """Every file that is compared, or why there is none."""
    import dlpuconv
    from dlpuconv.errors import DlpuconvError
    from dlpuconv.quantization import Observer, Recipe
    from dlpuconv.scheme import Granularity

    model = source_model(name)
    common: dict[str, Any] = {"cache": False}
    given = {"calibration": {model.signature.inputs[0].name: values}}
    naive = Recipe(granularity=Granularity.PER_TENSOR, observer=Observer.MINMAX)
    ways: dict[str, dict[str, Any]] = {
        NAIVE_PT: {"target": "artpec8", "recipe": naive, **given},
        OURS_PT: {"target": "artpec8", **given},
        OURS_PC: {"target": "artpec9", "granularity": "per-channel", "effort": "fast", **given},
        NO_DATA: {"target": "artpec8", "calibration": "none", "fold_preprocess": "off", **NORMALIZATIONS.get(name, {})},
    }
    for title, way in ways.items():
        try:
            file = zoo_folder() / name / "model.onnx"
            yield title, dlpuconv.convert(file, **way, **common).artifacts[0].content
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
        oracle = tensorflow_oracle(content, samples)
        yield THEIRS_PC, oracle.quantize(per_channel=True, dtype="uint8")
        yield THEIRS_PT, oracle.quantize(per_channel=False, dtype="uint8")
    except DlpuconvError as error:
        yield THEIRS_PC, f"{error.kind}: {error}"


def _missed(name: str, found: dict[str, Any]) -> list[str]:
    missed = []
    for title in (OURS_PT, OURS_PC):
        if "error" in found[title]:
            missed.append(str(found[title]["error"]))
        elif found[title]["metric"] < _bar(name, title, found) - _EPSILON:
            missed.append(f"{title} {found[title]['metric']}, the bar is {_bar(name, title, found):.4f}")
    return missed


def _bar(name: str, title: str, found: dict[str, Any]) -> float:
    """What an artifact has to reach, in the metric's own unit."""
    exact = found["float"]["metric"]
    theirs = found.get(THEIRS_PC, {}).get("metric", exact)
    if title == OURS_PC:
        slack = 10 * BESIDE_TENSORFLOW if DECIBEL_METRIC in found["metric"] else BESIDE_TENSORFLOW
        beside = theirs - slack if THEIRS_PC in found else -np.inf
        return float(max(exact - MAY_LOSE.get(name, np.inf), AT_LEAST.get(name, -np.inf), beside))
    if name in PER_TENSOR_AT_LEAST:
        return PER_TENSOR_AT_LEAST[name]
    if name in PER_TENSOR_MAY_LOSE:
        return float(exact - PER_TENSOR_MAY_LOSE[name])
    return float(min(exact, theirs) - 0.01)


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="accuracy on integer kernels; in brackets the signal-to-noise ratio in dB")
    columns = ("model", "metric", "float", *TITLES, "bars")
    for column in columns:
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        cells = [_cell(found.get(title)) for title in TITLES]
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
