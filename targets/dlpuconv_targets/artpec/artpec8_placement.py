"""Which layers ARTPEC-8's DLPU takes, and into how many pieces a graph may fall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.placement import Placement, delegated
from dlpuconv.plugin.rules import advice, at_layers
from dlpuconv_targets.artpec.operators import AXIS_A8, VX_DELEGATE

if TYPE_CHECKING:
    from dlpuconv.plugin.views import FileView, LayerView

_OPS = "Axis: ARTPEC-8 supported operators; VeriSilicon tflite-vx-delegate: op_status.md"


def listed_nowhere(_: FileView, layer: LayerView) -> str:
    """Operators that no list names run on the CPU."""
    return layer.op if layer.custom or layer.op not in AXIS_A8 | VX_DELEGATE else ""


def listed_only_elsewhere(_: FileView, layer: LayerView) -> str:
    """Axis' own zoo holds such ops."""
    return layer.op if layer.op in VX_DELEGATE - AXIS_A8 and not layer.custom else ""


ARTPEC8_PLACEMENT = Placement(
    limits=(
        advice(
            "A8-OP-UNKNOWN",
            "Ops that neither Axis nor VeriSilicon lists run on the CPU.",
            _OPS,
            at_layers(listed_nowhere),
            "Replace them, or cut the model in front of them (--cut-at).",
            listed=AXIS_A8 | VX_DELEGATE,
        ),
    ),
    doubts=(
        advice(
            "A8-OP-UNLISTED",
            "Ops that only VeriSilicon's delegate lists probably run on the DLPU, as in Axis' own models.",
            _OPS,
            at_layers(listed_only_elsewhere),
            "You need not do anything, unless the camera's log tells of a fallback: then replace the operator.",
            listed=VX_DELEGATE - AXIS_A8,
        ),
    ),
    partition=delegated,
    most_pieces=16,  # acap-computer-vision-sdk-examples issue 141
    estimate="Axis does not say how the graph is cut; TensorFlow Lite's own way for a delegate is assumed",
)
"""Axis' own list alone would cut its own YOLOv5 into more than 16 pieces: ops of either list count as taken."""
