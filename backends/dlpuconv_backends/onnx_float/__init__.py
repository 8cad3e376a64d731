"""The float ONNX backend: for chips whose own compiler quantizes."""

from dlpuconv_backends.onnx_float.backend import OnnxFloatBackend

__all__ = ["OnnxFloatBackend"]
