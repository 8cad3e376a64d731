"""Lowering: an ONNX model becomes a clean float TFLite graph, by onnx2tf's builders in a worker process."""

from dlpuconv_backends.lowering.lower import Lowered, lower
from dlpuconv_backends.lowering.process import LoweringWorker, RawLowering

__all__ = ["Lowered", "LoweringWorker", "RawLowering", "lower"]
