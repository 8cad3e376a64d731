"""Networks as PyTorch modules that are trained for a chip. Nothing here imports torch until it is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.lazy import later

if TYPE_CHECKING:
    from dlpuconv.qat.onnx_module.build import from_onnx as from_onnx

__all__ = ["from_onnx"]

__getattr__ = later(__name__, {"dlpuconv.qat.onnx_module.build": ("from_onnx",)})
