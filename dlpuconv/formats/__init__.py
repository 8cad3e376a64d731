"""File formats: readers that trust nothing, and runners."""

from dlpuconv.formats.runner import Runner
from dlpuconv.formats.view import FileView, LayerView, Quantization, TensorView

__all__ = ["FileView", "LayerView", "Quantization", "Runner", "TensorView"]
