"""What ARTPEC-9 demands of a file beyond full integers, and the limits of its operators.

Its DLPU is of the Arm Ethos-N class: Axis' page repeats Arm's SUPPORTED.md of the Ethos-N driver stack, and the limits
are those of that page and of SupportQueries.cpp. They warn only, because Axis' own models break some of them: what the
DLPU does not take runs on the CPU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.verify.rule import Hit, Rule, Severity
from dlpuconv.verify.rules import TFLITE_RULES, advice, at_layers
from dlpuconv.verify.rules.graph import activations
from dlpuconv_targets.artpec import ethos_arithmetic as arithmetic
from dlpuconv_targets.artpec import ethos_limits as limits
from dlpuconv_targets.artpec.camera import largest_tried
from dlpuconv_targets.artpec.firmware import FIRMWARE
from dlpuconv_targets.artpec.layers import output_channels
from dlpuconv_targets.artpec.operators import ETHOS_N

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, LayerView
    from dlpuconv.verify.rule import Context
    from dlpuconv.verify.rules.layerwise import LayerCheck

_AWAY = "Change the layer where it costs much; on the CPU it computes the same, more slowly."
_TIPS = "Axis: ARTPEC-9 optimization tips"
_OPS = "Axis: ARTPEC-9 supported operators; Arm: ethos-n-driver-stack SUPPORTED.md"
_MAX_RANK = 4
_GROUP = 16
_SPATIAL = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH",
})  # fmt: skip


def few_axes(view: FileView, _: Context) -> Iterator[Hit]:
    """The DLPU's tensors are NHWC."""
    for tensor in activations(view):
        if len(tensor.shape) > _MAX_RANK:
            yield Hit(f"the shape is {list(tensor.shape)}", tensor.name)


def batch_of_one_inside(view: FileView, _: Context) -> Iterator[Hit]:
    """Of images, wherever they are: elsewhere axis 0 need not be a batch."""
    for layer in view.layers:
        for index in layer.outputs if layer.op in _SPATIAL else ():
            shape = view.tensors[index].shape
            if len(shape) == _MAX_RANK and shape[0] > 1:
                yield Hit(f"{layer.op} makes {list(shape)}", layer.name)


def outside_the_list(_: FileView, layer: LayerView) -> str:
    """Such layers run on the CPU."""
    return "" if layer.op in ETHOS_N and not layer.custom else layer.op


def channels_of_sixteen(view: FileView, layer: LayerView) -> str:
    """The DLPU works on sixteen channels at a time."""
    channels = output_channels(view, layer)
    return f"{channels} channels" if channels % _GROUP else ""


def other_activation(_: FileView, layer: LayerView) -> str:
    """Anything but ReLU and its clipped forms."""
    return layer.op


def explicit_pad(_: FileView, layer: LayerView) -> str:
    """Padding inside a convolution costs nothing."""
    return layer.op


def residual_into_convolution(view: FileView, layer: LayerView) -> str:
    """ADD of two computed tensors that a convolution reads."""
    computed = [index for index in layer.inputs if index >= 0 and not view.tensors[index].constant]
    output = layer.outputs[0]
    if len(computed) < 2 or output in view.outputs:
        return ""
    reader = next((r for r in view.consumers.get(output, ()) if r.op == "CONV_2D"), None)
    return f"read by {reader.name.split(';')[0]}" if reader is not None else ""


def _limit(name: str, sentence: str, check: LayerCheck, *ops: str) -> Rule:
    return advice(f"A9-{name}", sentence, _OPS, at_layers(check, *ops), _AWAY)


ARTPEC9_RULES: tuple[Rule, ...] = (
    *TFLITE_RULES,
    FIRMWARE,
    Rule(
        id="A9-RANK",
        severity=Severity.FAIL,
        sentence=f"No tensor may have more than {_MAX_RANK} axes.",
        source=_TIPS,
        check=few_axes,
        fix="Cut the model in front of the reshape (--cut-at) and do the rest in the application.",
    ),
    Rule(
        id="A9-BATCH",
        severity=Severity.FAIL,
        sentence="The batch must be 1 throughout.",
        source=_TIPS,
        check=batch_of_one_inside,
        fix="Convert with --input-shape NAME=1,...; split the batch in front of the network.",
    ),
    advice(
        "A9-OP",
        "Ops outside the chip's list run on the CPU.",
        _OPS,
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
    _limit(
        "SPLIT",
        "The outputs of a channel split must be multiples of 16 deep.",
        limits.split,
        "SPLIT",
        "SPLIT_V",
    ),
    advice(
        "A9-MUL",
        "MUL must be by one value a channel, or a scalar that the scale can express (no SiLU, no squeeze-and-excite).",
        _OPS,
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
    _limit("MEAN", "MEAN must go over 7x7 or 8x8, height and width.", limits.mean, "MEAN"),
    _limit(
        "PAD",
        "PAD must pad height and width by at most 7, and keep scale and zero point.",
        limits.pad,
        "PAD",
    ),
    _limit(
        "RESIZE",
        "A resize must double height and width (or one less).",
        limits.resize,
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
    ),
    _limit(
        "RESIZE-EXACT",
        "A resize is less exact where one of height and width is odd and the other even.",
        limits.uneven_resize,
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
    ),
    _limit(
        "SIGMOID",
        "LOGISTIC must give scale 1/256 with the lowest zero point.",
        limits.fixed_output,
        "LOGISTIC",
    ),
    _limit(
        "TANH",
        "TANH must give scale 1/128 with the middle zero point.",
        limits.fixed_output,
        "TANH",
    ),
    _limit("LEAKY-RELU", "LEAKY_RELU must have 0 < alpha < 1.", limits.leak, "LEAKY_RELU"),
    _limit(
        "REQUANTIZE",
        "QUANTIZE must not shrink the scale to under 1/128.",
        limits.requantization,
        "QUANTIZE",
    ),
    _limit(
        "DEPTH-TO-SPACE",
        "DEPTH_TO_SPACE must have blocks of 2.",
        limits.depth_to_space,
        "DEPTH_TO_SPACE",
    ),
    _limit(
        "TRANSPOSE",
        "TRANSPOSE must leave the batch axis in its place.",
        limits.transposition,
        "TRANSPOSE",
    ),
    advice(
        "A9-CHANNELS",
        f"Numbers of channels that are multiples of {_GROUP} are fastest.",
        _TIPS,
        at_layers(channels_of_sixteen, "CONV_2D", "DEPTHWISE_CONV_2D"),
        f"Train with widths that are multiples of {_GROUP}.",
    ),
    advice(
        "A9-ACTIVATION",
        "ReLU6 is the activation that runs best.",
        _TIPS,
        at_layers(other_activation, "LEAKY_RELU", "PRELU", "ELU", "GELU", "HARD_SWISH"),
        "Train with ReLU6.",
    ),
    largest_tried(
        "A9-MEMORY",
        21.0,
        "Axis tried models of up to 21 MiB (YOLOv5m), on a camera with 4 GB of memory: less memory may not do.",
        "Axis: Model Zoo, YOLOv5 on ARTPEC-9 (Q1728)",
    ),
    advice(
        "A9-EXPLICIT-PAD",
        "Explicit padding should be avoided.",
        _TIPS,
        at_layers(explicit_pad, "PAD", "PADV2"),
        "Convert the float model with dlpuconv, which pads inside convolutions where SAME can express it.",
    ),
    advice(
        "A9-RESIDUAL",
        "An ADD that feeds a CONV_2D has given wrong numbers on AXIS OS 12.10 to 12.11: compare on the camera.",
        "acap-native-sdk-examples issue 508",
        at_layers(residual_into_convolution, "ADD"),
        "Where the camera's numbers are wrong, make each such ADD an additional output of the model.",
    ),
)
