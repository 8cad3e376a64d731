"""Wall time and memory of conversions as a user runs them: whole processes, verification included, no cache."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from rich.table import Table

from scripts.benchmarks.process import Measured, measure
from scripts.benchmarks.shared import console, has_tensorflow, mark, zoo_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "imagenet_mnv2_torch"
SIZE = 224
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
BARS = {"artpec8_s": 9.0, "artpec8_mb": 600.0, "cv25_s": 6.0, "targets_s": 0.4, "help_s": 0.4, "ratio": 8.0}

_RIVAL = """
import onnx2tf, sys
source, output, data, mean, std = sys.argv[1:]
onnx2tf.convert(
    input_onnx_file_path=source, output_folder_path=output, tflite_backend="tf_converter",
    output_integer_quantized_tflite=True, verbosity="error",
    custom_input_op_name_np_data_path=[["input", data, eval(mean), eval(std)]],
)
"""
_HEAVY = "sorted({'numpy', 'onnx', 'onnx_ir', 'onnxruntime', 'tensorflow', 'torch'} & set(sys.modules))"


def run_speed(*, repeats: int, rival: bool) -> tuple[dict[str, Any], list[str]]:
    """Measure and print.

    Args:
        repeats: of each command of ours.
        rival: also run onnx2tf's own int8 path, once.

    Returns:
        The figures, and the bars that were missed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        images = _images(folder)
        model = folder / f"{MODEL}.onnx"
        shutil.copyfile(zoo_folder() / MODEL / "model.onnx", model)
        figures: dict[str, Any] = {"model": MODEL, "images": len(list(images.iterdir()))}
        for target in ("artpec8", "cv25"):
            runs = [_convert(target, model, images, folder) for _ in range(repeats)]
            figures |= _summary(target, runs)
        for word in ("targets", "--help"):
            runs = [_run([sys.executable, "-m", "dlpuconv", word], folder) for _ in range(max(5, repeats))]
            figures[f"{word.removeprefix('--')}_s"] = _median(runs)
        figures["imported_by_targets"] = _imported(folder)
        if rival and has_tensorflow():
            figures |= _against_rival(model, images, folder, figures["artpec8_s"])
    missed = _missed(figures)
    _print(figures, missed)
    return figures, missed


def _images(folder: Path) -> Path:
    """The zoo's calibration images as 224x224 PNG files."""
    images = folder / "images"
    images.mkdir()
    for file in sorted((zoo_folder() / "_data" / "imagenet" / "calib").glob("*.jpg")):
        with Image.open(file) as image:
            left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
            image.convert("RGB").crop((left, top, left + SIZE, top + SIZE)).save(images / f"{file.stem}.png")
    return images


def _convert(target: str, model: Path, images: Path, folder: Path) -> Measured:
    output = folder / f"out-{target}"
    shutil.rmtree(output, ignore_errors=True)
    command = [sys.executable, "-m", "dlpuconv", "convert", str(model), "--target", target]
    command += ["--calibration", str(images), "--mean", _listed(MEAN), "--std", _listed(STD)]
    command += ["--output", str(output), "--effort", "fast", "--no-cache", "--json"]
    # Per-tensor accuracy is not what is measured here: a verdict of fail (status 1) is a finished conversion as well.
    return _run(command, folder, allowed=(0, 1))


def _listed(values: Sequence[float]) -> str:
    return ",".join(map(str, values))


def _run(command: Sequence[str], folder: Path, allowed: Sequence[int] = (0,)) -> Measured:
    done = measure(command, folder)
    if done.status not in allowed:
        sys.exit(f"{' '.join(command[:5])} ended with status {done.status}: {done.last_words}")
    return done


def _median(runs: Sequence[Measured]) -> float:
    return round(statistics.median(run.wall_s for run in runs), 3)


def _summary(target: str, runs: Sequence[Measured]) -> dict[str, Any]:
    told = json.loads(runs[-1].stdout)
    return {
        f"{target}_s": _median(runs),
        f"{target}_cpu_s": round(statistics.median(run.cpu_s for run in runs), 2),
        f"{target}_mb": round(max(run.peak_mb for run in runs), 1),
        f"{target}_runs_s": [round(run.wall_s, 2) for run in runs],
        f"{target}_verdict": told["verdict"],
    }


def _imported(folder: Path) -> list[str]:
    """Heavy libraries that `dlpuconv targets` imports."""
    code = f"import sys\nfrom dlpuconv.cli import main\nmain(['targets', '--json'])\nprint({_HEAVY})"
    done = measure([sys.executable, "-c", code], folder)
    return list(map(str, json.loads(done.stdout.strip().splitlines()[-1].replace("'", '"'))))


def _against_rival(model: Path, images: Path, folder: Path, ours_s: float) -> dict[str, Any]:
    """onnx2tf's conversion of the same model with the same images through TensorFlow, on a copy."""
    copy, data = folder / "rival.onnx", folder / "rival.npy"
    shutil.copyfile(model, copy)
    pixels = [np.asarray(Image.open(file), np.float32) / 255 for file in sorted(images.iterdir())]
    np.save(data, np.stack(pixels))
    mean, std = ([[[[v / 255 for v in values]]]] for values in (MEAN, STD))
    command = [sys.executable, "-c", _RIVAL, str(copy), str(folder / "rival"), str(data), str(mean), str(std)]
    done = measure(command, folder, {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"})
    made = sorted(file.name for file in (folder / "rival").glob("*integer_quant*.tflite"))
    found: dict[str, Any] = {
        "rival_s": round(done.wall_s, 1),
        "rival_cpu_s": round(done.cpu_s, 1),
        "rival_mb": round(done.peak_mb, 1),
        "rival_files": made,
    }
    if done.status or not made:
        return found | {"rival_error": done.last_words or f"status {done.status}"}
    return found | {"ratio": round(done.wall_s / ours_s, 1)}


def _missed(figures: dict[str, Any]) -> list[str]:
    missed = [
        f"{name} is {figures[name]}, the bar is {bar}"
        for name, bar in BARS.items()
        if name in figures and (figures[name] < bar if name == "ratio" else figures[name] > bar)
    ]
    heavy = sorted(set(figures["imported_by_targets"]) & {"onnx", "onnxruntime"})
    return missed + ([f"`dlpuconv targets` imports {', '.join(heavy)}"] if heavy else [])


def _print(figures: dict[str, Any], missed: list[str]) -> None:
    table = Table(title=f"{MODEL}, {figures['images']} calibration images, verification included")
    for column in ("what", "wall", "processor time", "peak of the process tree", "bar", "reached"):
        table.add_column(column)
    memory = f"{figures['artpec8_mb']:.0f} MB"
    good = not any(m.startswith("artpec8") for m in missed)
    table.add_row(
        "artpec8, fast, no cache",
        f"{figures['artpec8_s']:.2f} s",
        _cpu(figures, "artpec8"),
        memory,
        "9 s, 600 MB",
        mark(good),
    )
    good = figures["cv25_s"] <= BARS["cv25_s"]
    memory = f"{figures['cv25_mb']:.0f} MB"
    table.add_row("cv25", f"{figures['cv25_s']:.2f} s", _cpu(figures, "cv25"), memory, "4 s", mark(good))
    for name in ("targets", "help"):
        seconds = figures[f"{name}_s"]
        table.add_row(f"dlpuconv {name}", f"{seconds:.2f} s", "", "", "0.4 s", mark(seconds <= BARS[f"{name}_s"]))
    if "rival_s" in figures:
        told = figures.get("rival_error") or f"{figures['ratio']:.1f}x ours"
        good = figures.get("ratio", 0) >= BARS["ratio"]
        memory = f"{figures['rival_mb']:.0f} MB"
        table.add_row(
            "onnx2tf, tf_converter int8",
            f"{figures['rival_s']:.1f} s",
            _cpu(figures, "rival"),
            memory,
            f"{told}; 8x",
            mark(good),
        )
    console.print(table)
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")


def _cpu(figures: dict[str, Any], name: str) -> str:
    return f"{figures[f'{name}_cpu_s']:.2f} s"
