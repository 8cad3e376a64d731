"""TFLiteConverter's own integers for a float TFLite file: what dlpuconv's quantizer is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.savedmodel import converter

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    type Samples = Sequence[Sequence[npt.NDArray[np.float32]]]


class Oracle:
    """A float file that TensorFlow has calibrated; see `tensorflow_oracle`."""

    def __init__(self, calibrated: bytes) -> None:
        self._calibrated = calibrated

    def quantize(self, *, per_channel: bool, dtype: str = "int8") -> bytes:
        """The full-integer file.

        Args:
            per_channel: of convolutions and dense layers, which is TensorFlow's own default.
            dtype: of inputs and outputs.

        Raises:
            BackendError: TensorFlow failed.
        """
        return converter.quantize(
            self._calibrated,
            per_channel=per_channel,
            dense_per_channel=per_channel,
            input_dtype=dtype,
            output_dtype=dtype,
        )


def tensorflow_oracle(float_tflite: bytes, samples: Samples) -> Oracle:
    """Calibrate a float TFLite file as `TFLiteConverter` does.

    Args:
        float_tflite: one subgraph.
        samples: each a list of arrays in the file's order and layout, batch axis included.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        CalibrationError: there are no samples.
        BackendError: TensorFlow failed.
    """
    shapes = [value.shape for value in samples[0]] if samples else []
    return Oracle(converter.observe(float_tflite, samples, shapes, ranges={}, saved_model=False).content)


def quantize_with_tensorflow(float_tflite: bytes, samples: Samples, per_channel: bool, *, dtype: str = "int8") -> bytes:
    """One full-integer file, as `TFLiteConverter` makes it; see `tensorflow_oracle` and `Oracle.quantize`.

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        CalibrationError: there are no samples.
        BackendError: TensorFlow failed.
    """
    return tensorflow_oracle(float_tflite, samples).quantize(per_channel=per_channel, dtype=dtype)
