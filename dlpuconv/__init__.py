"""Convert ONNX and PyTorch models for the deep-learning processing units of Axis cameras, and prove the result."""

__version__ = "0.1.0.dev0"
