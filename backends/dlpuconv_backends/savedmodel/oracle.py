"""TFLiteConverter's own integers for a float TFLite file: what dlpuconv's quantizer is compared with."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv_backends.savedmodel.exchange import write_samples
from dlpuconv_backends.savedmodel.process import TensorFlowProcess

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt


def quantize_with_tensorflow(
    float_tflite: bytes,
    samples: Sequence[Sequence[npt.NDArray[np.float32]]],
    per_channel: bool,
    *,
    dtype: str = "int8",
) -> bytes:
    """Calibrate and quantize a float TFLite file exactly as `TFLiteConverter` does with full-integer settings.

    Args:
        float_tflite: one subgraph.
        samples: each a list of arrays in the file's order and layout, batch axis included.
        per_channel: of convolutions and dense layers; TensorFlow's own default.
        dtype: of inputs and outputs.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        CalibrationError: there are no samples.
        BackendError: TensorFlow failed.
    """
    with tempfile.TemporaryDirectory(prefix="dlpuconv-") as name, TensorFlowProcess.start() as tensorflow:
        folder = Path(name)
        source, calibrated, result = folder / "float.tflite", folder / "calibrated.tflite", folder / "integer.tflite"
        source.write_bytes(float_tflite)
        shapes = [value.shape for value in samples[0]] if samples else []
        files = write_samples(samples, len(samples), shapes, folder)
        tensorflow.ask(
            {
                "do": "calibrate",
                "model": str(source),
                "samples": files,
                "ranges": {},
                "saved_model": None,
                "destination": str(calibrated),
            }
        )
        tensorflow.ask(
            {
                "do": "quantize",
                "model": str(calibrated),
                "per_channel": per_channel,
                "dense_per_channel": per_channel,
                "input_dtype": dtype,
                "output_dtype": dtype,
                "destination": str(result),
            }
        )
        return result.read_bytes()
