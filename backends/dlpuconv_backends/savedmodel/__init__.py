"""TensorFlow's own converter as a backend, and as the oracle that dlpuconv's quantizer is compared with."""

from dlpuconv_backends.savedmodel.backend import TensorFlowBackend
from dlpuconv_backends.savedmodel.oracle import quantize_with_tensorflow, tensorflow_oracle

__all__ = ["TensorFlowBackend", "quantize_with_tensorflow", "tensorflow_oracle"]
