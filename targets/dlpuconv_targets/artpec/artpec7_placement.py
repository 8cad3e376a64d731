"""Which layers ARTPEC-7's Edge TPU takes.

Its compiler cuts the graph once: from the first layer that it does not map on, everything runs on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.placement import Placement, delegated, single_cut
from dlpuconv.plugin.rules import advice, at_layers
from dlpuconv.plugin.views import WEIGHTED
from dlpuconv_targets.artpec.edge_tpu_limits import (
    computed_weights,
    constant_part,
    dilation,
    fused_activation,
    plain_slice,
    reduced_depth,
    resized,
    slope_of_channels,
    softmax_size,
    touches_batch,
    vector_output,
    weights_format,
)
from dlpuconv_targets.artpec.operators import EDGE_TPU

if TYPE_CHECKING:
    from collections.abc import Collection

    from dlpuconv.plugin.placement import Piece
    from dlpuconv.plugin.rules import LayerCheck, Rule
    from dlpuconv.plugin.views import FileView, LayerView

OPS = "Axis: ARTPEC-7 supported operators; Coral: supported operations of the Edge TPU compiler"
COMPILED_OP = "edgetpu-custom-op"
_AWAY = "Change the layer, or cut the model in front of it (--cut-at): from there on, all runs on the CPU."
_POOLS = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONCATENATION")
_NOT_ON_BATCH = ("MEAN", "PACK", "PAD", "REDUCE_MAX", "REDUCE_MIN", "SPLIT", "SUM")


def is_compiled(view: FileView) -> bool:
    """Whether the Edge TPU's compiler has been at the file."""
    return COMPILED_OP in view.op_counts


def cut(view: FileView, refused: Collection[int]) -> list[Piece]:
    """Once, by the compiler; a file that it has been at is cut already."""
    return (delegated if is_compiled(view) else single_cut)(view, refused)


def not_mapped(view: FileView, layer: LayerView) -> str:
    """Layers outside the list, and all that the compiler left outside of its own op."""
    if layer.op == COMPILED_OP:
        return ""
    if is_compiled(view):
        return f"the compiler left {layer.op} to the CPU"
    return "" if layer.op in EDGE_TPU and not layer.custom else layer.op


def _limit(name: str, sentence: str, check: LayerCheck, *ops: str) -> Rule:
    return advice(f"A7-{name}", f"{sentence}, to run on the Edge TPU.", OPS, at_layers(check, *ops), _AWAY)


_LIMITS = (
    advice(
        "A7-OP",
        "What the Edge TPU does not map runs on the CPU, with all that comes after.",
        OPS,
        at_layers(not_mapped),
        _AWAY,
        listed=EDGE_TPU,
    ),
    _limit("CONSTANT", "Weights and biases must be constants", computed_weights, *sorted(WEIGHTED)),
    _limit("SOFTMAX", "SOFTMAX must be one-dimensional, of at most 16000 values", softmax_size, "SOFTMAX"),
    _limit("FUSED", "Pools and concatenations must have no fused activation", fused_activation, *_POOLS),
    _limit("DILATION", "Dilation must be equal in both directions", dilation, "CONV_2D", "DEPTHWISE_CONV_2D"),
    _limit("BATCH-AXIS", "No op may work along the batch", touches_batch, *_NOT_ON_BATCH),
    _limit("SLICE", "STRIDED_SLICE must have strides of 1 and plain masks", plain_slice, "STRIDED_SLICE"),
    _limit("PRELU", "PRELU must have one slope a channel", slope_of_channels, "PRELU"),
    _limit("WEIGHTS", "Weights must be stored plainly", weights_format, "FULLY_CONNECTED"),
    _limit("CONCAT", "Only zeros may be concatenated with, and with one tensor", constant_part, "CONCATENATION"),
    _limit("MEAN", "MEAN over the channels must be over a multiple of 4", reduced_depth, "MEAN"),
    _limit("FULLY-CONNECTED", "FULLY_CONNECTED must make a vector", vector_output, "FULLY_CONNECTED"),
    _limit(
        "RESIZE",
        "Resizes must be of version 1 or 2 (no half-pixel centres), and small enough",
        resized,
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
    ),
)

ARTPEC7_PLACEMENT = Placement(
    accelerator="Edge TPU",
    limits=_LIMITS,
    partition=cut,
    memory=round(7.7 * 2**20),  # edgetpu_compiler's log for SSD MobileNet v2: 6.52 MiB used, 1.20 MiB left
    estimate=(
        "edgetpu_compiler decides, and not all of its limits are public (its option -s shows what it maps); the cut is"
        " taken in the file's order"
    ),
)
