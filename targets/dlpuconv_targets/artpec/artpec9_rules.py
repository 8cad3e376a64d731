"""What ARTPEC-9 demands of a file beyond full integers, and what Axis advises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import (
    TFLITE_RULES,
    Hit,
    Rule,
    Severity,
    advice,
    at_layers,
    most_axes,
    nearest_multiples,
    output_channels,
)
from dlpuconv_targets.artpec import ethos_limits as limits
from dlpuconv_targets.artpec.artpec9_placement import ARTPEC9_PLACEMENT, AWAY, OPS
from dlpuconv_targets.artpec.camera import largest_tried
from dlpuconv_targets.artpec.firmware import FIRMWARE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.plugin.rules import Context
    from dlpuconv.plugin.views import FileView, LayerView

_TIPS = "Axis: ARTPEC-9 optimization tips"
_MAX_RANK = 4
_GROUP = 16
_SPATIAL = frozenset({
    "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "MAX_POOL_2D", "AVERAGE_POOL_2D", "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR", "DEPTH_TO_SPACE", "SPACE_TO_DEPTH",
})  # fmt: skip


def batch_of_one_inside(view: FileView, _: Context) -> Iterator[Hit]:
    """Images inside the network must have a batch of 1; elsewhere axis 0 need not be a batch."""
    for layer in view.layers:
        for index in layer.outputs if layer.op in _SPATIAL else ():
            shape = view.tensors[index].shape
            if len(shape) == _MAX_RANK and shape[0] > 1:
                yield Hit(f"{layer.op} makes {list(shape)}", layer.name)


def channels_of_sixteen(view: FileView, layer: LayerView) -> str:
    """The DLPU works on sixteen channels at a time."""
    channels = output_channels(view, layer)
    return f"{channels} channels ({nearest_multiples(channels, _GROUP)})" if channels % _GROUP else ""


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


ARTPEC9_RULES: tuple[Rule, ...] = (
    *TFLITE_RULES,
    FIRMWARE,
    most_axes("A9-RANK", _MAX_RANK, _TIPS),
    Rule(
        id="A9-BATCH",
        severity=Severity.FAIL,
        sentence="The batch must be 1 throughout.",
        source=_TIPS,
        check=batch_of_one_inside,
        fix="Convert with --input-shape NAME=1,...; split the batch in front of the network.",
    ),
    *ARTPEC9_PLACEMENT.limits,
    advice(
        "A9-RESIZE-EXACT",
        "A resize is less exact where one of height and width is odd and the other even.",
        OPS,
        at_layers(limits.uneven_resize, "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"),
        AWAY,
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
        "Models should have at most 21 MiB: Axis tried none larger (YOLOv5m, on a camera with 4 GB of memory), and a"
        " camera with less memory may be unable to load it.",
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
