"""File formats: readers that trust nothing, and runners."""

from dlpuconv.formats.runner import Runner
from dlpuconv.formats.view import FileView, LayerView, TensorView

__all__ = ["FileView", "LayerView", "Runner", "TensorView"]
