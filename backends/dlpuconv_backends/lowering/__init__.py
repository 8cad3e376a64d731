"""Lowering: an ONNX model becomes a clean float TFLite graph, by onnx2tf's builders in a worker process."""

from dlpuconv_backends.lowering.lower import Lowered, lower
from dlpuconv_backends.lowering.raw import RawLowering, attendant, warm_up

__all__ = ["Lowered", "RawLowering", "attendant", "lower", "warm_up"]
