"""The integer ONNX backend: QuantizeLinear and DequantizeLinear around what ONNX Runtime computes on codes."""

from dlpuconv_backends.onnx_qdq.backend import OnnxQdqBackend

__all__ = ["OnnxQdqBackend"]
