"""ONNX models in older opsets, for all backends that write ONNX."""

from dlpuconv_backends.opsets.lower import OLDEST, Blocker, lower_opset

__all__ = ["OLDEST", "Blocker", "lower_opset"]
