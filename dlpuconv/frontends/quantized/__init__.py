"""Quantized ONNX: the float graph that its integers stand for, and the scales that it states."""

from __future__ import annotations

from dlpuconv.frontends.quantized.reading import read_quantized, said_behind

__all__ = ["read_quantized", "said_behind"]
