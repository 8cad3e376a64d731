"""The source model, a typed ONNX graph: its ports and names, edits of a copy, and a way to run it."""

from __future__ import annotations

from dlpuconv.formats import onnx_rules
from dlpuconv.formats.onnx_graph import view_of
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import FixedQuantization, InputBinding, Layout, Model, Signature, ValueSpec
from dlpuconv.ir.layer_names import LayerNames, closest, tell_apart
from dlpuconv.ir.moments import Moments
from dlpuconv.ir.source_names import UNKNOWN, SourceNames, graph_layers
from dlpuconv.ir.weights import Split
from dlpuconv.passes.canonical_reductions import WAS_POOL
from dlpuconv.passes.editor import Editor, optional_input, rank, static_shape
from dlpuconv.passes.explicit_padding import round_down
from dlpuconv.verification.output_parity import ROUNDING_MARGIN_DB

__all__ = [
    # a model
    "Model",
    "Moments",
    "Split",
    # its inputs and outputs
    "FixedQuantization",
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
    # what a file of it holds
    "onnx_rules",
    "view_of",
    # what it computes
    "OrtRunner",
    "ROUNDING_MARGIN_DB",
]
