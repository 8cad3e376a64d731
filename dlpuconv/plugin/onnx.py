"""The source model, a typed ONNX graph: its ports and names, edits of a copy, and a way to run it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir import InputBinding, Layout, Signature, ValueSpec
from dlpuconv.ir.layer_names import LayerNames, closest, tell_apart
from dlpuconv.ir.moments import Moments
from dlpuconv.ir.source_names import UNKNOWN, SourceNames, graph_layers
from dlpuconv.lazy import later
from dlpuconv.verification.output_parity import ROUNDING_MARGIN_DB

if TYPE_CHECKING:
    from dlpuconv.decibel import Powers
    from dlpuconv.formats.onnx_graph import optimized, read_onnx, view_of
    from dlpuconv.formats.onnx_rules import LostError, ModelRefusedError, check_model, infer_shapes
    from dlpuconv.formats.onnx_scales import DEQUANTIZE, QUANTIZE
    from dlpuconv.formats.onnx_worker import warm_up
    from dlpuconv.formats.ort_runner import OrtRunner, with_outputs
    from dlpuconv.ir import Model
    from dlpuconv.ir.moments import moments_of_nodes
    from dlpuconv.ir.source_names import ORIGIN
    from dlpuconv.ir.weights import ELSEWHERE, LARGE, Split, read_only
    from dlpuconv.passes.attributes import integer, integers
    from dlpuconv.passes.canonical_reductions import WAS_POOL
    from dlpuconv.passes.contract import FIRED, Declined, Outcome, Rewrite
    from dlpuconv.passes.editor import Editor, optional_input, rank, static_shape
    from dlpuconv.passes.explicit_padding import round_down
    from dlpuconv.passes.report import PassReport
    from dlpuconv.passes.resize_by_matrices import axis_matrix, by_matrices

__all__ = [
    # a model
    "Model", "Moments", "Split", "moments_of_nodes",
    # its inputs and outputs
    "InputBinding", "Layout", "Signature", "ValueSpec",
    # its names
    "LayerNames", "ORIGIN", "SourceNames", "UNKNOWN", "closest", "graph_layers", "tell_apart",
    # its weights
    "ELSEWHERE", "LARGE", "read_only",
    # edits
    "Editor", "WAS_POOL", "integer", "integers", "optional_input", "rank", "round_down", "static_shape",
    # what a Resize does
    "axis_matrix", "by_matrices",
    # rewrites, which say what they did
    "Declined", "FIRED", "Outcome", "PassReport", "Rewrite",
    # whether it is valid, asked of ONNX in a worker
    "LostError", "ModelRefusedError", "check_model", "infer_shapes", "warm_up",
    # what a file of it holds
    "DEQUANTIZE", "QUANTIZE", "optimized", "read_onnx", "view_of",
    # what it computes
    "OrtRunner", "Powers", "ROUNDING_MARGIN_DB", "with_outputs",
]  # fmt: skip

__getattr__ = later(
    __name__,
    {
        "dlpuconv.decibel": ("Powers",),
        "dlpuconv.formats.onnx_graph": ("optimized", "read_onnx", "view_of"),
        "dlpuconv.formats.onnx_rules": ("LostError", "ModelRefusedError", "check_model", "infer_shapes"),
        "dlpuconv.formats.onnx_scales": ("DEQUANTIZE", "QUANTIZE"),
        "dlpuconv.formats.onnx_worker": ("warm_up",),
        "dlpuconv.formats.ort_runner": ("OrtRunner", "with_outputs"),
        "dlpuconv.ir.model": ("Model",),
        "dlpuconv.ir.moments": ("moments_of_nodes",),
        "dlpuconv.ir.source_names": ("ORIGIN",),
        "dlpuconv.ir.weights": ("ELSEWHERE", "LARGE", "Split", "read_only"),
        "dlpuconv.passes.attributes": ("integer", "integers"),
        "dlpuconv.passes.canonical_reductions": ("WAS_POOL",),
        "dlpuconv.passes.contract": ("FIRED", "Declined", "Outcome", "Rewrite"),
        "dlpuconv.passes.editor": ("Editor", "optional_input", "rank", "static_shape"),
        "dlpuconv.passes.explicit_padding": ("round_down",),
        "dlpuconv.passes.report": ("PassReport",),
        "dlpuconv.passes.resize_by_matrices": ("axis_matrix", "by_matrices"),
    },
)
