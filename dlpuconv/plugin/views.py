"""What a converted file holds, in one form for every format: what rules, placements and drafts look at."""

from __future__ import annotations

from dlpuconv.formats.kinds import ONNX, PACKAGE, TFLITE, FileKind
from dlpuconv.formats.runner import Runner
from dlpuconv.formats.view import FileView, LayerView, TensorView
from dlpuconv.formats.weighted import WEIGHTED, WeightedForm
from dlpuconv.ir.layer_names import LayerNames
from dlpuconv.ir.operators import CONTROL_FLOW, ONNX_WEIGHTED, QUANTIZATION
from dlpuconv.ir.signature import IMAGE_CHANNELS, is_planar_image
from dlpuconv.verification.granularity import WeightedLayer, granularity, weighted_layers

__all__ = [
    # a file
    "FileView", "LayerNames", "LayerView", "Runner", "TensorView",
    # its format
    "FileKind", "ONNX", "PACKAGE", "TFLITE",
    # its weights
    "ONNX_WEIGHTED", "WEIGHTED", "WeightedForm", "WeightedLayer", "granularity", "weighted_layers",
    # kinds of ONNX operators
    "CONTROL_FLOW", "QUANTIZATION",
    # images
    "IMAGE_CHANNELS", "is_planar_image",
]  # fmt: skip
