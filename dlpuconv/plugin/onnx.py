"""The source model, a typed ONNX graph: its ports and names, edits of a copy, and a way to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir import InputBinding, Layout, Signature, ValueSpec
from dlpuconv.ir.layer_names import LayerNames, closest, tell_apart
from dlpuconv.ir.moments import Moments
from dlpuconv.ir.source_names import UNKNOWN, SourceNames, graph_layers
from dlpuconv.plugin.later import later
from dlpuconv.verification.output_parity import ROUNDING_MARGIN_DB

if TYPE_CHECKING:
    from dlpuconv.decibel import Powers
    from dlpuconv.formats.onnx_graph import read_onnx, view_of
    from dlpuconv.formats.onnx_rules import LostError, RefusedError, check_model, infer_shapes
    from dlpuconv.formats.ort_runner import OrtRunner
    from dlpuconv.ir import Model
    from dlpuconv.ir.weights import Split
    from dlpuconv.passes.canonical_reductions import WAS_POOL
    from dlpuconv.passes.editor import Editor, optional_input, rank, static_shape
    from dlpuconv.passes.explicit_padding import round_down

__all__ = [
    # a model
    "Model",
    "Moments",
    "Split",
    # its inputs and outputs
    "InputBinding",
    "Layout",
    "Signature",
    "ValueSpec",
    # its names
    "LayerNames",
    "SourceNames",
    "UNKNOWN",
    "closest",
    "graph_layers",
    "tell_apart",
    # edits
    "Editor",
    "WAS_POOL",
    "optional_input",
    "rank",
    "round_down",
    "static_shape",
    # whether it is valid, asked of ONNX in a worker
    "LostError",
    "RefusedError",
    "check_model",
    "infer_shapes",
    # what a file of it holds
    "read_onnx",
    "view_of",
    # what it computes
    "OrtRunner",
    "ROUNDING_MARGIN_DB",
    "Powers",
]

__getattr__ = later(
    __name__,
    {
        "dlpuconv.decibel": ("Powers",),
        "dlpuconv.formats.onnx_rules": ("LostError", "RefusedError", "check_model", "infer_shapes"),
        "dlpuconv.formats.onnx_graph": ("read_onnx", "view_of"),
        "dlpuconv.formats.ort_runner": ("OrtRunner",),
        "dlpuconv.ir.model": ("Model",),
        "dlpuconv.ir.weights": ("Split",),
        "dlpuconv.passes.canonical_reductions": ("WAS_POOL",),
        "dlpuconv.passes.editor": ("Editor", "optional_input", "rank", "static_shape"),
        "dlpuconv.passes.explicit_padding": ("round_down",),
    },
)
