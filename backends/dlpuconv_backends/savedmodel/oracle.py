"""TFLiteConverter's own integers for a float TFLite file: what dlpuconv's quantizer is compared with."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.scratch import temporary_folder
from dlpuconv_backends.savedmodel.exchange import write_samples
from dlpuconv_backends.savedmodel.process import TensorFlowProcess

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    type Samples = Sequence[Sequence[npt.NDArray[np.float32]]]


class Oracle:
    """A float file that TensorFlow has calibrated, in TensorFlow's process; see `tensorflow_oracle`."""

    def __init__(self, process: TensorFlowProcess, calibrated: Path) -> None:
        self._process, self._calibrated = process, calibrated

    def quantize(self, *, per_channel: bool, dtype: str = "int8") -> bytes:
        """The full-integer file.

        Args:
            per_channel: of convolutions and dense layers, which is TensorFlow's own default.
            dtype: of inputs and outputs.

        Raises:
            BackendError: TensorFlow failed.
        """
        destination = self._calibrated.with_name("integer.tflite")
        self._process.ask(
            {
                "do": "quantize",
                "model": str(self._calibrated),
                "per_channel": per_channel,
                "dense_per_channel": per_channel,
                "input_dtype": dtype,
                "output_dtype": dtype,
                "destination": str(destination),
            }
        )
        return destination.read_bytes()


@contextmanager
def tensorflow_oracle(float_tflite: bytes, samples: Samples) -> Iterator[Oracle]:
    """Calibrate a float TFLite file as `TFLiteConverter` does; the process ends with the context.

    Args:
        float_tflite: one subgraph.
        samples: each a list of arrays in the file's order and layout, batch axis included.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        CalibrationError: there are no samples.
        BackendError: TensorFlow failed.
    """
    with temporary_folder("oracle") as folder, TensorFlowProcess.start() as tensorflow:
        source, calibrated = folder / "float.tflite", folder / "calibrated.tflite"
        source.write_bytes(float_tflite)
        shapes = [value.shape for value in samples[0]] if samples else []
        tensorflow.ask(
            {
                "do": "calibrate",
                "model": str(source),
                "samples": write_samples(samples, len(samples), shapes, folder),
                "ranges": {},
                "saved_model": None,
                "destination": str(calibrated),
            }
        )
        yield Oracle(tensorflow, calibrated)


def quantize_with_tensorflow(float_tflite: bytes, samples: Samples, per_channel: bool, *, dtype: str = "int8") -> bytes:
    """One full-integer file, as `TFLiteConverter` makes it; see `tensorflow_oracle` and `Oracle.quantize`.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        CalibrationError: there are no samples.
        BackendError: TensorFlow failed.
    """
    with tensorflow_oracle(float_tflite, samples) as oracle:
        return oracle.quantize(per_channel=per_channel, dtype=dtype)
