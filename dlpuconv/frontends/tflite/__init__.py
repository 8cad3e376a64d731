"""`.tflite` files as sources: our own reader's view of a file becomes an ONNX graph that computes the same.

Nothing of TensorFlow is needed. What each operator computes is that of the reference kernels in
tensorflow/lite/kernels; each reader of an operator is one small function in a table (`table.py`).
"""

from dlpuconv.frontends.tflite.source import from_content, from_path, holds_tflite, is_tflite

__all__ = ["from_content", "from_path", "holds_tflite", "is_tflite"]
