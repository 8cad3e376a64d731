"""Lowering: an ONNX model becomes a clean float TFLite graph, by onnx2tf's builders in a worker process."""

from dlpuconv_backends.lowering.lower import Lowered, lower
from dlpuconv_backends.lowering.raw import RawLowering, warm_up

__all__ = ["Lowered", "RawLowering", "lower", "warm_up"]
