"""Every model per tensor by both of our TFLite backends, beside what users do without us: onnx2tf, onnxsim before it.

Each is a whole process, as a user runs it; all are given the same samples, and judged on the plain integer kernels.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.backends_rival import ROUTES
from scripts.benchmarks.evaluation import Evaluation
from scripts.benchmarks.process import measure
from scripts.benchmarks.shared import console, mark, model_names, source_model, zoo_folder

if TYPE_CHECKING:
    from scripts.benchmarks.process import Measured
    from scripts.benchmarks.shared import Array

RIVALS = ("onnxsim==0.8.1",)
"""What rivals need in other versions than dlpuconv; everything else is that of this environment."""
MOST_POINTS = 0.01
"""By how much the metric of --backend tensorflow may be below that of our own."""
MOST_DB = 0.3
"""The same, where the metric is a ratio in dB."""
_TITLES = {
    "tflite": "ours", "tensorflow": "--backend tensorflow", "onnx2tf": "onnx2tf", "onnxsim": f"{RIVALS[0]}, onnx2tf",
}  # fmt: skip
_REPOSITORY = Path(__file__).parents[2]


def run_backends(*, models: str, samples: int, limit: int | None) -> tuple[dict[str, Any], list[str]]:
    """Convert each way, evaluate, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.
        limit: of evaluation samples; None for all.

    Returns:
        The figures by model, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    rivals = _rivals_folder()
    for name in model_names(models):
        evaluation = Evaluation.load(name, limit)
        found: dict[str, Any] = {"metric": evaluation.task.METRIC, "evaluated": len(evaluation.x)}
        found["float"] = {"metric": round(float(evaluation.exact(np.ones(len(evaluation.x)))), 4)}
        found["in_decibels"] = evaluation.in_decibels
        values = np.asarray(evaluation.task.load_calib(samples), np.float32)
        found["calibrated"] = len(values)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for backend in ("tflite", "tensorflow"):
                found[backend] = _ours(evaluation, backend, values, Path(folder))
                console.print(f"{name}: {backend} {found[backend]}")
            for route in ROUTES:
                found[route] = _theirs(evaluation, route, values, Path(folder), rivals)
                console.print(f"{name}: {route} {found[route]}")
        figures[name] = found
    missed = [f"{name}: {sentence}" for name, found in figures.items() for sentence in _missed(found)]
    _print(figures, missed)
    return {"samples": samples, "rivals": list(RIVALS), "models": figures}, missed


def _rivals_folder() -> Path:
    """A folder of the rivals' packages, kept between runs.

    Raises:
        SystemExit: pip cannot install them.
    """
    cache = Path(os.environ.get("DLPUCONV_CACHE") or tempfile.gettempdir())
    folder = cache / f"rivals-{'-'.join(RIVALS)}"
    if not folder.is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), *RIVALS]
        if subprocess.run(command).returncode:
            sys.exit(f"pip cannot install {', '.join(RIVALS)} in {folder}")
    return folder


def _ours(evaluation: Evaluation, backend: str, values: Array, folder: Path) -> dict[str, Any]:
    data, output = folder / "samples.npz", folder / backend
    given: dict[str, Any] = {source_model(evaluation.name).signature.inputs[0].name: values}
    np.savez(data, **given)
    command = [sys.executable, "-m", "dlpuconv", "convert", str(zoo_folder() / evaluation.name / "model.onnx")]
    command += ["--target", "artpec8", "--granularity", "per-tensor", "--backend", backend]
    command += ["--calibration", str(data), "--output", str(output), "--no-cache"]
    ran = measure(command, folder)
    made = sorted(output.glob("*.tflite"))
    if not made:
        return _failed(ran)
    file = next((file for file in made if not file.name.endswith(".tail.tflite")), made[0])
    return {**_scored(evaluation, evaluation.loaded(file)), **_cost(ran)}


def _theirs(evaluation: Evaluation, route: str, values: Array, folder: Path, rivals: Path) -> dict[str, Any]:
    data, result = folder / "samples.npy", folder / f"{route}.tflite"
    np.save(data, values)
    model = zoo_folder() / evaluation.name / "model.onnx"
    name = source_model(evaluation.name).signature.inputs[0].name
    command = [sys.executable, "-m", "scripts.benchmarks.backends_rival", route, str(model), str(data), name]
    environment = {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if route == "onnxsim":
        environment["PYTHONPATH"] = os.pathsep.join([str(rivals), *filter(None, [os.environ.get("PYTHONPATH")])])
    ran = measure([*command, str(result)], _REPOSITORY, environment)
    if ran.status or not result.is_file():
        return _failed(ran)
    try:
        return {**_scored(evaluation, evaluation.foreign(result.read_bytes())), **_cost(ran)}
    except (RuntimeError, ValueError, AssertionError) as error:  # LiteRT refuses it, or its outputs are others
        return {"error": f"the file cannot be run: {str(error)[:200]}", **_cost(ran)}


def _failed(ran: Measured) -> dict[str, Any]:
    return {"error": ran.last_words or f"status {ran.status}", **_cost(ran)}


def _cost(ran: Measured) -> dict[str, Any]:
    return {"seconds": round(ran.wall_s, 1), "cpu_seconds": round(ran.cpu_s, 1), "peak_mb": round(ran.peak_mb)}


def _scored(evaluation: Evaluation, outputs: list[Array]) -> dict[str, Any]:
    metric = float(evaluation.measure(outputs)(np.ones(len(evaluation.x))))
    return {"metric": round(metric, 4), "sqnr_db": round(evaluation.decibels(outputs), 2)}


def _missed(found: dict[str, Any]) -> list[str]:
    ours, tensorflow = found["tflite"], found["tensorflow"]
    errors = [f"{_TITLES[name]}: {found[name]['error']}" for name in ("tflite", "tensorflow") if "error" in found[name]]
    if errors:
        return errors
    below, most = ours["metric"] - tensorflow["metric"], MOST_DB if found["in_decibels"] else MOST_POINTS
    return [f"--backend tensorflow is {below:.4f} below ours"] if below > most else []


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title="per tensor: metric (signal-to-noise ratio in dB; seconds of all processes; peak memory in MB)")
    for column in ("model", "metric", "float", *_TITLES.values(), "bars"):
        table.add_column(column, justify="left" if column in ("model", "metric") else "right")
    for name, found in figures.items():
        metric = f"{found['metric']} ({found['evaluated']})"
        good = not any(sentence.startswith(f"{name}:") for sentence in missed)
        cells = [_cell(found[each]) for each in _TITLES]
        table.add_row(name, metric, f"{found['float']['metric']:.3f}", *cells, mark(good))
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _cell(found: dict[str, Any]) -> str:
    cost = f"{found['cpu_seconds']:.0f} s; {found['peak_mb']} MB"
    if "error" in found:
        return f"[red]fails[/] ({cost})"
    return f"{found['metric']:.3f} ({found['sqnr_db']:.1f}; {cost})"
