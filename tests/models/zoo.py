#!/usr/bin/env python3
"""The models of this folder, each with data and a metric.

    zoo.py list           the models, their metric and size
    zoo.py float NAME     the float model's score in ONNX Runtime

`NAME/model.onnx` is a model, and `NAME/task.py` has `load_calib(n)`, `load_eval()`, `score(outputs, y)` and `METRIC`.
A larger zoo of the same layout, which DLPUCONV_ZOO names, adds models for the tests and takes this one's place for the
benchmarks. NOTICE tells where everything is from.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

HERE = Path(__file__).absolute().parent  # which may be a folder of links, with models of other zoos
_REPOSITORY = Path(__file__).resolve().parents[2]


def names() -> list[str]:
    """Of all models."""
    return sorted(file.parent.name for file in HERE.glob("*/task.py"))


def task(name: str) -> Any:
    """The module that has a model's data and metric."""
    if str(_REPOSITORY) not in sys.path:
        sys.path.append(str(_REPOSITORY))
    spec = importlib.util.spec_from_file_location(f"task_{name}", HERE / name / "task.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_onnx(path: str, samples: Array) -> tuple[list[Array], list[str]]:
    """What ONNX Runtime answers to each sample, and the names of the outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(Path(path).read_bytes(), options, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    answers = [session.run(None, {entry: samples[at : at + 1]}) for at in range(len(samples))]
    return [np.concatenate(column) for column in zip(*answers, strict=True)], [o.name for o in session.get_outputs()]


def sqnr(reference: Sequence[Array], found: Sequence[Array]) -> float:
    """Signal-to-noise ratio in dB over all outputs, which count the same."""
    pairs = [(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(reference, found, strict=True)]
    shares = [np.square(a - b).mean() / max(np.square(a).mean(), 1e-30) for a, b in pairs]
    return float(-10 * np.log10(max(np.mean(shares), 1e-15)))


def main(arguments: Sequence[str]) -> int:
    """List, or measure a float model."""
    match arguments:
        case ["list"]:
            for name in names():
                known, size = task(name), (HERE / name / "model.onnx").stat().st_size
                print(f"{name:26} {known.METRIC:26} {size / 1e6:4.1f} MB  {known.__doc__.splitlines()[0]}")
        case ["float", name] if name in names():
            known = task(name)
            samples, right = known.load_eval()
            outputs, _ = run_onnx(str(HERE / name / "model.onnx"), samples)
            print(f"{name} {known.METRIC} {known.score(outputs, right):.4f}")
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
