"""A model as whole files: ARTPEC-8's, quantized on made-up samples, is of integers; CV25's gives what ONNX states."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.calibration import Preprocessing, open_calibration
from dlpuconv.display.progress import Silent
from dlpuconv.errors import ArtifactError, CalibrationError, DlpuconvError, UnsupportedModelError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.plugin import Recipe
from dlpuconv.registry import load_backend, load_target
from dlpuconv_backends.onnx_float.backend import FloatModel, OnnxFloatBackend
from scripts.operator_table.chips import job_of
from scripts.operator_table.trial import as_given, difference, with_runtimes_outputs

if TYPE_CHECKING:
    from scripts.operator_table.examples import Example
    from scripts.operator_table.trial import Normal

_SAMPLES: Final = 4


def faults(example: Example, normal: Normal) -> str:
    """What is wrong with the files, in sentences; nothing where a chip refuses the model.

    Args:
        example: the model, and what it takes and gives.
        normal: the same in normal form.
    """
    return "; ".join((*_floats(normal), *_others(example, normal)))


def _floats(normal: Normal) -> list[str]:
    target = load_target("artpec8")
    samples = open_calibration(
        "none",
        signature=normal.model.signature,
        preprocessing=Preprocessing(),
        progress=Silent(),
        limit=_SAMPLES,
    )
    backend = load_backend(target.backend)()
    try:
        prepared = backend.prepare(replace(job_of(normal, [target]), calibration=samples))
        artifact = backend.emit(prepared, target, Recipe(granularity=target.scheme.weights))
        view = parse_tflite(artifact.files[""])
    except (UnsupportedModelError, CalibrationError):  # made-up samples may be beyond what an operator is defined for
        return []
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
        if "on calibration sample" in str(error):  # made-up integers are 0 and 1, and some operators divide by them
            return []
        return [f"its integer file ends with {type(error).__name__}: {error}"]
    floats = [tensor.name for tensor in view.tensors if tensor.is_float]
    return [f"its integer file holds the floats {floats}"] if floats else []


def _others(example: Example, normal: Normal) -> list[str]:
    """How the outputs of CV25's file differ from those that ONNX states, and from those of ONNX Runtime."""
    try:
        made = OnnxFloatBackend().prepare(job_of(normal, [load_target("cv25")]))
    except DlpuconvError:
        return []
    assert isinstance(made, FloatModel)
    signature = normal.model.signature
    given = {
        port.name_in_file: np.transpose(as_given(example, spec, normal.source), port.permutation)
        for port, spec in zip(made.inputs, signature.inputs, strict=True)
    }
    try:
        found = OrtRunner(made.network, optimize=False).run(given)
    except ArtifactError as error:
        return [f"CV25's file is not run: {error}"]
    both = (example, with_runtimes_outputs(example))
    told = [
        [
            sentence
            for port, spec in zip(made.outputs, signature.outputs, strict=True)
            for sentence in difference(known, port.name, found[port.name_in_file].reshape(spec.shape), normal.source)
        ]
        for known in both
    ]
    return [f"of CV25's file, {sentence}" for sentence in min(told, key=len)]
