"""Which layers ARTPEC-9's DLPU takes: the limits of its operators.

The DLPU is of the Arm Ethos-N class: Axis' page repeats Arm's SUPPORTED.md of the Ethos-N driver stack, and the limits
are those of that page and of SupportQueries.cpp. They warn only, because Axis' own models break some of them: what the
DLPU does not take runs on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.placement import Placement, delegated
from dlpuconv.plugin.rules import advice, at_layers
from dlpuconv_targets.artpec import ethos_arithmetic as arithmetic
from dlpuconv_targets.artpec import ethos_limits as limits
from dlpuconv_targets.artpec.operators import ETHOS_N

if TYPE_CHECKING:
    from dlpuconv.plugin.rules import LayerCheck, Rule
    from dlpuconv.plugin.views import FileView, LayerView

OPS = "Axis: ARTPEC-9 supported operators; Arm: ethos-n-driver-stack SUPPORTED.md"
AWAY = "Change the layer where it costs much; on the CPU it computes the same, more slowly."


def outside_the_list(_: FileView, layer: LayerView) -> str:
    """Layers outside the published list run on the CPU."""
    return "" if layer.op in ETHOS_N and not layer.custom else layer.op


def _limit(name: str, sentence: str, check: LayerCheck, *ops: str) -> Rule:
    return advice(f"A9-{name}", sentence, OPS, at_layers(check, *ops), AWAY)


_LIMITS = (
    advice(
        "A9-OP",
        "Ops outside the chip's list run on the CPU.",
        OPS,
        at_layers(outside_the_list),
        "Replace them, or cut the model in front of them (--cut-at).",
        listed=ETHOS_N,
    ),
    _limit(
        "KERNEL",
        "Kernels must be 1, 2, 3, 5, 7 or 9 high and wide (above 7 with stride 1), to run on the DLPU.",
        limits.kernel,
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "TRANSPOSE_CONV",
    ),
    _limit(
        "STRIDE",
        "Strides must be equal in both directions, 1 or 2 (2 for a transposed convolution, 1 for a depthwise 1x1).",
        limits.stride,
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "TRANSPOSE_CONV",
    ),
    _limit(
        "DILATION",
        "Convolutions must not be dilated, to run on the DLPU.",
        limits.dilation,
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
    ),
    _limit(
        "DEPTH-MULTIPLIER",
        "Depthwise convolutions must have a depth multiplier of 1.",
        limits.depth_multiplier,
        "DEPTHWISE_CONV_2D",
    ),
    _limit(
        "SCALE",
        "Input scale x weight scale / output scale must lie between 0 and 65536.",
        limits.overall_scale,
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "TRANSPOSE_CONV",
    ),
    _limit(
        "CONCAT",
        "Inputs of a channel concatenation must be multiples of 16 deep, and no scale may shrink to under 1/128.",
        limits.concatenation,
        "CONCATENATION",
    ),
    _limit("SPLIT", "The outputs of a channel split must be multiples of 16 deep.", limits.split, "SPLIT", "SPLIT_V"),
    advice(
        "A9-MUL",
        "MUL must be by one value a channel, or a scalar that the scale can express (no SiLU, no squeeze-and-excite).",
        OPS,
        at_layers(arithmetic.multiplication, "MUL"),
        "Train with ReLU or ReLU6 instead of SiLU or HardSwish.",
    ),
    _limit(
        "ADD",
        "ADD must add two tensors of one shape, or a scalar that the zero point can express.",
        arithmetic.addition,
        "ADD",
    ),
    _limit(
        "POOL",
        "Pools: average 3x3 stride 1 SAME or 7x7/8x8 over the whole input; max 2x2 or 3x3 stride 2, or stride 1 to 9x9"
        " (17x17 with SAME).",
        limits.pool,
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
    ),
    advice(
        "A9-MEAN",
        "MEAN must go over 7x7 or 8x8, height and width.",
        OPS,
        at_layers(limits.mean, "MEAN"),
        "Choose an input size that leaves 7x7 or 8x8 there (224 or 256 pixels, at a stride of 32).",
    ),
    _limit("PAD", "PAD must pad height and width by at most 7, and keep scale and zero point.", limits.pad, "PAD"),
    _limit(
        "RESIZE",
        "A resize must double height and width (or one less).",
        limits.resize,
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
    ),
    _limit("SIGMOID", "LOGISTIC must give scale 1/256 with the lowest zero point.", limits.fixed_output, "LOGISTIC"),
    _limit("TANH", "TANH must give scale 1/128 with the middle zero point.", limits.fixed_output, "TANH"),
    _limit("LEAKY-RELU", "LEAKY_RELU must have 0 < alpha < 1.", limits.leak, "LEAKY_RELU"),
    _limit("REQUANTIZE", "QUANTIZE must not shrink the scale to under 1/128.", limits.requantization, "QUANTIZE"),
    _limit("DEPTH-TO-SPACE", "DEPTH_TO_SPACE must have blocks of 2.", limits.depth_to_space, "DEPTH_TO_SPACE"),
    _limit("TRANSPOSE", "TRANSPOSE must leave the batch axis in its place.", limits.transposition, "TRANSPOSE"),
)

ARTPEC9_PLACEMENT = Placement(
    limits=_LIMITS,
    partition=delegated,
    estimate=(
        "Axis does not say where layers outside the limits run, nor how the graph is cut; the CPU, and TensorFlow"
        " Lite's own way for a delegate, are assumed"
    ),
)
