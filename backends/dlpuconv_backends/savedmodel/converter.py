"""TensorFlow's converter as this process sees it: it runs in a worker, for it is large, slow to import, and noisy."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin import CalibrationError, UnsupportedModelError
from dlpuconv.plugin.isolation import GIBIBYTE, Launch, Limits, pool
from dlpuconv_backends.borrowing import Tool, borrowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    type Sample = Sequence[npt.NDArray[np.float32]]
    type Shape = tuple[int, ...]

WORKER = Path(__file__).with_name("worker.py")
_LIMITS = Limits(memory=8 * GIBIBYTE, seconds=900, by_the_clock=True)
_COPIES = 40  # of the weights; 32 were measured while a SavedModel is frozen and converted


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A float TFLite file that TensorFlow has calibrated.

    Attributes:
        content: the file.
        inputs: position in it of each of the given file's inputs.
        outputs: likewise.
    """

    content: bytes
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def warm_up() -> None:
    """Start the worker that will be needed, so that it imports TensorFlow meanwhile."""
    pool.warm_up(_tool().launch)


def observe(
    model: bytes,
    samples: Iterable[Sample],
    shapes: Sequence[Shape],
    *,
    ranges: Mapping[int, Sequence[float]],
    saved_model: bool,
) -> Observed:
    """Let TensorFlow calibrate a file.

    Args:
        model: a float TFLite file of one subgraph.
        samples: each a list of arrays in the file's order and layout, batch axis included; one is in memory at a time.
        shapes: of the inputs.
        ranges: lowest and highest value by the position of an input, where these are prescribed.
        saved_model: by way of a SavedModel and `TFLiteConverter`; else only what that does of calibration.

    Raises:
        CalibrationError: a sample has another shape than the input, or there are none.
        UnsupportedModelError: operators of the graph have no TensorFlow form here; its problems are their kinds.
        MissingDependencyError: TensorFlow is not installed.
        OutputError: there is no place for the worker's files.
        BackendError: TensorFlow failed, crashed or took too much.
    """
    limits = _LIMITS.for_size(len(model), _COPIES)
    remaining = iter(samples)
    sample = next(remaining, None)
    if sample is None:
        raise CalibrationError("there are no calibration samples", id="calibration-no-samples")
    with borrowed(_tool()) as worker:
        try:
            begun = worker.ask("begin", limits, {"model": np.frombuffer(model, np.uint8)}, saved_model=saved_model)
            _refuse(begun.facts.get("unsupported", []))
            number = 0
            while sample is not None:
                _check(number, sample, shapes)
                worker.ask("observe", limits, {str(i): np.asarray(v, np.float32) for i, v in enumerate(sample)})
                sample, number = next(remaining, None), number + 1
            made = worker.ask("finish", limits, ranges={str(position): list(two) for position, two in ranges.items()})
        except BaseException:
            worker.end()  # in the middle of a calibration
            raise
    return Observed(
        content=made.arrays["file"].tobytes(),
        inputs=tuple(made.facts["inputs"]),
        outputs=tuple(made.facts["outputs"]),
    )


def quantize(calibrated: bytes, **options: Any) -> bytes:
    """The full-integer form of a calibrated file.

    Args:
        calibrated: what `observe` made.
        **options: of the worker's `quantize`.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        OutputError: there is no place for the worker's files.
        BackendError: TensorFlow failed, crashed or took too much.
    """
    limits = _LIMITS.for_size(len(calibrated), _COPIES)
    with borrowed(_tool()) as worker:
        made = worker.ask("quantize", limits, {"model": np.frombuffer(calibrated, np.uint8)}, **options)
        return made.arrays["file"].tobytes()


def _tool() -> Tool:
    launch = Launch(
        title="the TensorFlow worker",
        tasks=WORKER,
        environment=(
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("PYTHONPATH", os.pathsep.join(path for path in sys.path if path)),
            ("TF_CPP_MIN_LOG_LEVEL", "2"),
            ("TF_ENABLE_ONEDNN_OPTS", "0"),  # other kernels would be chosen by the machine
        ),
        has_folder=True,
    )
    return Tool(
        launch=launch,
        failed="TensorFlow's converter failed",
        extra="tensorflow",
        purpose="the tensorflow backend",
    )


def _refuse(unsupported: Sequence[str]) -> None:
    if unsupported:
        raise UnsupportedModelError(
            f"the tensorflow backend has no form for {', '.join(unsupported)}; the tflite backend may have one",
            unsupported,
            id="operator-not-in-format",
        )


def _check(number: int, sample: Sample, shapes: Sequence[Shape]) -> None:
    for value, shape in zip(sample, shapes, strict=True):
        if value.shape != shape:
            raise CalibrationError(
                f"calibration sample {number} has the shape {value.shape} where the converted model takes {shape}",
                id="calibration-shape",
            )
