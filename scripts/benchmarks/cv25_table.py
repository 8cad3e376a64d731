"""Every model of the zoo as a package for CV25: does it verify, dB on the files that it ships, seconds, size."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from scripts.benchmarks.process import measure
from scripts.benchmarks.shared import console, mark, model_names, source_model, zoo_folder, zoo_module

if TYPE_CHECKING:
    from scripts.benchmarks.process import Measured

BAR_DB = 100.0
BAR_S = {"imagenet_mnv2_torch": 6.0}
_CIFAR = ("--mean", "125.307,122.961,113.8575", "--std", "62.985,62.0925,66.708")
NORMALIZATION: dict[str, tuple[str, ...]] = {
    "cifar_efficientnet": _CIFAR,
    "cifar_mobilenetv2": _CIFAR,
    "cifar_resnet20": ("--preset", "imagenet"),
    "det_yolofastestv2": ("--preset", "0-1", "--color", "bgr"),
    "det_yolov5n_axis": ("--preset", "0-1"),
    "face_retinaface_mnet025": ("--mean", "104,117,123", "--std", "1", "--color", "bgr"),
    "imagenet_mnv2_torch": ("--preset", "imagenet"),
    "lpr_lprnet": ("--mean", "127.5", "--std", "128"),
    "seg_sinet_portrait": (
        "--mean", "102.890434,111.25247,126.91212", "--std", "16047.8946,16019.5591,16920.7048", "--color", "bgr",
    ),
    "sr_fsrcnn_x2": ("--preset", "0-1", "--color", "gray"),
    "text_ppocrv5_det": ("--preset", "imagenet"),
    "vww_mobilenetv1_025": ("--preset", "0-1"),
}  # fmt: skip
"""What each model's `task.py` does to pixels; the others take no pixels."""


def run_cv25(*, models: str, samples: int) -> tuple[dict[str, Any], list[str]]:
    """Make every package as a user does, verify it again from its folder, print, collect.

    Args:
        models: glob of names.
        samples: for calibration.

    Returns:
        The figures by model, and the bars that were missed.
    """
    zoo = zoo_module()
    figures: dict[str, Any] = {}
    for name in model_names(models):
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            figures[name] = _one(name, np.asarray(zoo.task(name).load_calib(samples), np.float32), Path(folder))
        console.print(f"{name}: {figures[name]}")
    missed = [f"{name}: {sentence}" for name, found in figures.items() for sentence in _missed(name, found)]
    _print(figures)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return {"models": figures}, missed


def _one(name: str, values: np.ndarray[Any, np.dtype[Any]], folder: Path) -> dict[str, Any]:
    source, data = zoo_folder() / name / "model.onnx", folder / "data.npz"
    np.savez(data, allow_pickle=False, **{source_model(name).signature.inputs[0].name: values})
    stated = NORMALIZATION.get(name, ())
    options = ["--target", "cv25", "--calibration", str(data), *stated, "--output", str(folder / "out"), "--json"]
    made = _dlpuconv(["convert", str(source), *options], folder)
    if made.status not in (0, 1):
        return {"error": made.last_words}
    report = json.loads(made.stdout)["reports"][0]
    package = folder / "out" / "model.cv25"
    again = _dlpuconv(["verify", str(package), "--target", "cv25", "--reference", str(source), "--json"], folder)
    (given,) = json.loads((package / "manifest.json").read_text())["facts"]["package"]["inputs"]
    found = {
        "verdict": report["verdict"],
        "warned": [finding["rule"] for finding in report["findings"]],
        "numbers": given["dtype"],
        "shape": given["shape"],
        "samples": len(values),
        "sqnr_db": report["parity"]["min_sqnr_db"],
        "again": "pass" if again.status == 0 else "fail",
        "again_db": json.loads(again.stdout)["parity"]["min_sqnr_db"] if again.status in (0, 1) else None,
        "wall_s": round(made.wall_s, 2),
        "cpu_s": round(made.cpu_s, 2),
        "peak_mb": round(made.peak_mb),
        "size_mb": round(sum(f.stat().st_size for f in package.rglob("*") if f.is_file()) / 1e6, 1),
    }
    shutil.rmtree(folder / "out")
    return found


def _dlpuconv(arguments: list[str], folder: Path) -> Measured:
    return measure([sys.executable, "-m", "dlpuconv", *arguments], folder)


def _missed(name: str, found: dict[str, Any]) -> list[str]:
    if "error" in found:
        return [found["error"]]
    missed = [
        f"the package fails {word}" for word, key in (("", "verdict"), ("again", "again")) if found[key] != "pass"
    ]
    figures = [found[key] for key in ("sqnr_db", "again_db") if found[key] is not None]
    missed += [f"{figure} dB" for figure in figures if figure < BAR_DB]
    if found["wall_s"] > BAR_S.get(name, float("inf")):
        missed.append(f"{found['wall_s']} s, {BAR_S[name]} are allowed")
    return missed


def _print(figures: dict[str, Any]) -> None:
    table = Table(title="packages for CV25; dB between source and model.onnx on the files that the package ships")
    columns = ("model", "input", "numbers", "samples", "verifies", "dB", "again", "wall s", "CPU s", "peak MB", "MB")
    for column in columns:
        table.add_column(column, justify="left" if column in ("model", "input", "numbers") else "right")
    for name, found in figures.items():
        if "error" in found:
            table.add_row(name, "[red]error[/]")
            continue
        table.add_row(
            name,
            "x".join(map(str, found["shape"])),
            found["numbers"],
            str(found["samples"]),
            mark(found["verdict"] == "pass"),
            "exact" if found["sqnr_db"] is None else f"{found['sqnr_db']:.1f}",
            mark(found["again"] == "pass"),
            *(str(found[key]) for key in ("wall_s", "cpu_s", "peak_mb", "size_mb")),
        )
    console.print(table)
