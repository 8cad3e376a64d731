"""One file by onnxruntime.quantization, in a process of its own, which has only so much memory.

`python -m scripts.benchmarks.qdq_rival MODEL SAMPLES.npy INPUT METHOD RESULT GRANULARITY PREPARATION`
"""

from __future__ import annotations

import logging
import resource
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter

METHODS = ("MinMax", "Entropy", "Percentile")
_OPSET = 13
MEMORY = 16 << 30
"""Bytes; Entropy and Percentile keep every activation of every sample."""


PREPARED, AS_IT_IS = "prepared", "as-it-is"


@dataclass(frozen=True, slots=True)
class Way:
    """Of quantizing a model.

    Attributes:
        granularity: per-tensor, or per-channel.
        prepared: normalizations are folded first, and shapes inferred.
    """

    granularity: str = "per-channel"
    prepared: bool = True


USUAL = Way()


def quantize(model: Path, samples: np.ndarray[Any, Any], name: str, method: str, result: Path, way: Way) -> None:
    """What onnxruntime's documentation recommends: pre-processing, unless that is left out, and QDQ.

    Args:
        model: float.
        samples: [N, ...] float32; each is a batch of one.
        name: of the model's input.
        method: one of `METHODS`.
        result: is written.
        way: of quantizing.
    """
    from onnxruntime.quantization import (  # ruff's order would split it
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quant_pre_process,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc] # onnxruntime brings no types
        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> dict[str, Any] | None:
            sample = next(self._left, None)
            return None if sample is None else {name: sample[None]}

    with tempfile.TemporaryDirectory() as folder:
        model, prepared = _constant(model, Path(folder) / "constant.onnx"), Path(folder) / "prepared.onnx"
        if way.prepared:
            try:
                quant_pre_process(str(model), str(prepared))
            except Exception:  # noqa: BLE001 - its symbolic inference gives up on some models with a bare Exception
                quant_pre_process(str(model), str(prepared), skip_symbolic_shape=True)
            model = prepared
        quantize_static(
            str(_upgraded(model, Path(folder) / "upgraded.onnx")),  # only now: shapes are folded
            str(result),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=way.granularity == "per-channel",
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method],
        )


def _constant(model: Path, folded: Path) -> Path:
    """The model with initializers that nobody can feed, as the library's own warning asks for."""
    loaded = onnx.load(model)
    held = {tensor.name for tensor in loaded.graph.initializer}
    fed = [value for value in loaded.graph.input if value.name not in held]
    del loaded.graph.input[:]
    loaded.graph.input.extend(fed)
    loaded.ir_version = max(loaded.ir_version, 4)
    onnx.save(loaded, folded)
    return folded


def _upgraded(model: Path, newer: Path) -> Path:
    """The model at an opset that has scales per channel, as the library's own warning asks for."""
    loaded = onnx.load(model)
    if next(entry.version for entry in loaded.opset_import if not entry.domain) >= _OPSET:
        return model
    onnx.save(onnx.version_converter.convert_version(loaded, _OPSET), newer)
    return newer


def main() -> int:
    """Read, limit, quantize."""
    model, samples, name, method, result, granularity, preparation = sys.argv[1:]
    logging.disable(logging.WARNING)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    quantize(Path(model), np.load(samples), name, method, Path(result), Way(granularity, preparation == PREPARED))
    return 0


if __name__ == "__main__":
    sys.exit(main())
