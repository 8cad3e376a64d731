"""What ARTPEC-8 demands of a file beyond full integers, and what Axis advises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.rules import (
    TFLITE_RULES,
    Rule,
    advice,
    at_layers,
    discouraged_granularity,
    feeds_only,
    input_at,
    kernel_of,
    most_pieces,
    nearest_multiples,
    output_channels,
    stride_of,
)
from dlpuconv_targets.artpec.artpec8_placement import ARTPEC8_PLACEMENT
from dlpuconv_targets.artpec.camera import fits_compile_cache, largest_tried, scalable_by_ace
from dlpuconv_targets.artpec.firmware import FIRMWARE

if TYPE_CHECKING:
    from dlpuconv.plugin.views import FileView, LayerView

_TIPS = "Axis: ARTPEC-8 optimization tips"
_GROUP = 6
_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")


def native_kernel(view: FileView, layer: LayerView) -> str:
    """3x3 is best, 1x1 is a matrix product."""
    kernel = kernel_of(view, layer)
    return "" if kernel is None or kernel in ((3, 3), (1, 1)) else f"{kernel[0]}x{kernel[1]}"


def native_stride(_: FileView, layer: LayerView) -> str:
    """Stride 2 is native, others are not."""
    h, w = stride_of(layer)
    return "" if h == w and h in (1, 2) else f"stride {h}x{w}"


def channels_of_six(view: FileView, layer: LayerView) -> str:
    """The convolution cores work on six filters at a time."""
    channels = output_channels(view, layer)
    return f"{channels} channels ({nearest_multiples(channels, _GROUP)})" if channels % _GROUP else ""


def smooth_activation(view: FileView, layer: LayerView) -> str:
    """Smooth activations, among them SiLU: x times its own LOGISTIC."""
    if layer.op != "MUL":
        return layer.op
    makers = [view.producer[index] for index in layer.inputs if index in view.producer]
    gated = any(maker.op == "LOGISTIC" and maker.inputs[0] in layer.inputs for maker in makers if maker.inputs)
    return "SiLU (MUL by LOGISTIC)" if gated else ""


def separate_relu(view: FileView, layer: LayerView) -> str:
    """An activation of its own behind a convolution that has none."""
    before = view.producer.get(layer.inputs[0])
    if before is None or before.op not in _CONVOLUTIONS or feeds_only(view, before) is not layer:
        return ""
    return layer.op if before.options.get("fused_activation_function", "NONE") == "NONE" else ""


def separate_norm(view: FileView, layer: LayerView) -> str:
    """What batch normalization leaves behind a convolution: MUL, and then ADD, by constants."""
    before = view.producer.get(layer.inputs[0])
    factor = input_at(view, layer, 1)
    if before is None or before.op not in _CONVOLUTIONS or factor is None or not factor.constant:
        return ""
    after = feeds_only(view, layer)
    if after is None or after.op != "ADD" or len(after.inputs) < 2:
        return ""
    summand = next((t for i in after.inputs[:2] if (t := view.tensor(i)) is not None and t.constant), None)
    return "MUL and ADD by constants behind a convolution" if summand is not None else ""


def any_layer(_: FileView, layer: LayerView) -> str:
    """For ops that are discouraged as such."""
    return layer.op


ARTPEC8_RULES: tuple[Rule, ...] = (
    *TFLITE_RULES,
    FIRMWARE,
    discouraged_granularity(
        rule="A8-PER-CHANNEL",
        sentence="Weights should be quantized per tensor: per channel runs several times slower on ARTPEC-8.",
        source="Axis: quantization guide; acap-native-sdk-examples issue 360 (about ten times)",
        fix="Convert with --granularity per-tensor, the default for this chip.",
    ),
    most_pieces(
        "A8-PARTITIONS",
        ARTPEC8_PLACEMENT,
        "acap-computer-vision-sdk-examples issue 141: too many graph partitions (137 > 16)",
    ),
    *ARTPEC8_PLACEMENT.limits,
    *ARTPEC8_PLACEMENT.doubts,
    advice(
        "A8-KERNEL",
        "Kernels of 3x3 (and 1x1) are fastest.",
        _TIPS,
        at_layers(native_kernel, *_CONVOLUTIONS),
        "Train with kernels of 3x3: two of them see as much as one of 5x5.",
    ),
    advice(
        "A8-STRIDE",
        "Only strides of 1 and 2 are native.",
        _TIPS,
        at_layers(native_stride, *_CONVOLUTIONS),
        "Train with strides of 1 and 2, and pools for larger steps.",
    ),
    advice(
        "A8-CHANNELS",
        f"Numbers of filters that are multiples of {_GROUP} are fastest.",
        _TIPS,
        at_layers(channels_of_six, "CONV_2D"),
        f"Train with widths that are multiples of {_GROUP}.",
    ),
    advice(
        "A8-DEPTHWISE",
        "Regular convolutions run better than depthwise ones.",
        _TIPS,
        at_layers(any_layer, "DEPTHWISE_CONV_2D"),
        "Prefer a network of regular convolutions, such as RegNet or ResNet-18.",
    ),
    advice(
        "A8-LEAKY-RELU",
        "ReLU is faster than LeakyReLU: zeros are skipped.",
        _TIPS,
        at_layers(any_layer, "LEAKY_RELU", "PRELU"),
        "Train with ReLU.",
    ),
    advice(
        "A8-ACTIVATION",
        "ReLU and ReLU6 are part of the convolution; other activations are layers of their own.",
        _TIPS,
        at_layers(smooth_activation, "HARD_SWISH", "GELU", "ELU", "MUL"),
        "Train with ReLU or ReLU6 instead of SiLU and the like.",
    ),
    advice(
        "A8-RELU",
        "A ReLU should be part of the convolution in front of it.",
        _TIPS,
        at_layers(separate_relu, "RELU", "RELU6"),
        "Convert the float model with dlpuconv, which joins them.",
    ),
    advice(
        "A8-BATCH-NORM",
        "Batch normalization must be folded into the convolution in front of it (convolution, normalization, ReLU).",
        "Axis: tensorflow-to-larod-artpec8 example",
        at_layers(separate_norm, "MUL"),
        "Convert the float model with dlpuconv, which folds it.",
    ),
    largest_tried(
        "A8-MEMORY",
        21.0,
        "Models should have at most 21 MiB: Axis tried none larger (YOLOv5m, on a camera with 2 GB of memory), and a"
        " camera with less memory may be unable to load it.",
        "Axis: Model Zoo, YOLOv5 on ARTPEC-8 (Q1656)",
    ),
    fits_compile_cache("A8-CACHE", 64, "Axis: larod, neural network inference (nbg-cache)"),
    advice(
        "A8-ACE",
        "The image scaler (axis-a8-ace-proc) needs multiples of 8 in width, 4 or more in height, under 4194304 pixels.",
        "Axis: larod preprocessing",
        scalable_by_ace,
        "Choose another input size (--input-shape), or scale with cpu-proc.",
    ),
)
