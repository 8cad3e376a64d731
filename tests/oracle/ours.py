"""Our file of a model: per tensor, with the lowest and highest value of the same samples that TensorFlow observed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.calibration import Preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.files.keep import NOTHING
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv.plugin import Granularity, InterfaceOptions, Job, Splitting
from dlpuconv.quantization import Observer, Recipe
from dlpuconv_backends.tflite import TFLiteBackend
from dlpuconv_targets.artpec import ARTPEC8

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

RECIPE = Recipe(granularity=Granularity.PER_TENSOR, observer=Observer.MINMAX)


def converted(source: Path, samples: Sequence[Sequence[npt.NDArray[np.float32]]], folder: Path) -> bytes:
    """The integer file.

    Args:
        source: an ONNX file.
        samples: each a list of arrays in the order and layout of the source's inputs, batch axis included.
        folder: for what is written meanwhile.
    """
    model = load(source, SourceOptions())
    names = [spec.name for spec in model.signature.inputs]
    values = {name: np.concatenate(column) for name, column in zip(names, zip(*samples, strict=True), strict=True)}
    job = Job(
        model=normalize(model)[0],
        bindings={},
        calibration=open_calibration(
            values, validation=values, signature=model.signature, preprocessing=Preprocessing(), progress=Silent()
        ),
        preprocessing=Preprocessing(),
        interface=InterfaceOptions(
            input_dtype="int8", output_dtype="int8", split_inputs=Splitting.OFF, split_outputs=Splitting.OFF
        ),
        workspace=folder,
        cache=NOTHING,
        progress=Silent(),
    )
    backend = TFLiteBackend()
    content: Any = backend.emit(backend.prepare(job), ARTPEC8, RECIPE).files[""]
    return bytes(content)
