"""The tflite backend: full-integer files for ARTPEC chips, quantized by dlpuconv itself."""

from dlpuconv_backends.tflite.backend import TFLiteBackend

__all__ = ["TFLiteBackend"]
