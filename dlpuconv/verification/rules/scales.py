"""Rules about scales and zero points: TensorFlow Lite's 8-bit quantization specification."""

from __future__ import annotations

import math
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

from dlpuconv.verification.granularity import weighted_layers
from dlpuconv.verification.rule import Hit, Rule, Severity
from dlpuconv.verification.rules.fixed import has_fixed_scale, same_scale
from dlpuconv.verification.rules.graph import EIGHT_BIT, LIMITS, activations, inputs_of, outputs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.formats.view import FileView, TensorView
    from dlpuconv.verification.granularity import WeightedLayer
    from dlpuconv.verification.rule import Context

_SOURCE = "TensorFlow Lite 8-bit quantization specification"
_AGAIN = "Quantize the float model again: dlpuconv convert."
_BIAS_TOLERANCE = 1e-3


def everything_scaled(view: FileView, context: Context) -> Iterator[Hit]:
    """8-bit activations, and 8-bit constants that a layer computes with; a draft has neither yet."""
    if not context.measured:
        return
    weights = {weighted.weights.index: weighted.weights for weighted in weighted_layers(view)}
    for tensor in ({t.index: t for t in activations(view)} | weights).values():
        if tensor.dtype in EIGHT_BIT and tensor.quantization is None:
            yield Hit(f"{tensor.dtype} without a scale", tensor.name)


def sane_scales(view: FileView, _: Context) -> Iterator[Hit]:
    """Positive and finite, and zero points that the type can hold."""
    used = {t.index: t for layer in view.layers for t in (*inputs_of(view, layer), *outputs_of(view, layer))}
    for tensor in used.values():
        if tensor.quantization is None or tensor.dtype not in LIMITS:
            continue
        low, high = LIMITS[tensor.dtype]
        wrong = next((s for s in tensor.quantization.scales if not (math.isfinite(s) and s > 0)), None)
        outside = next((z for z in tensor.quantization.zero_points if not low <= z <= high), None)
        if wrong is not None:
            yield Hit(f"the scale {wrong:g}", tensor.name)
        if outside is not None:
            yield Hit(f"the zero point {outside} of {tensor.dtype}", tensor.name)


def symmetric_weights(view: FileView, _: Context) -> Iterator[Hit]:
    """int8 kernels ignore the zero point of weights; uint8 kernels, the older ones, do not."""
    for weighted in weighted_layers(view):
        weights = weighted.weights
        if (
            weights.dtype == "int8"
            and weights.constant
            and weights.quantization
            and any(weights.quantization.zero_points)
        ):
            wrong = next(z for z in weights.quantization.zero_points if z)
            yield Hit(f"the weights' zero point is {wrong}", weighted.layer.name)


def integer_bias(view: FileView, _: Context) -> Iterator[Hit]:
    """Biases are added to int32 accumulators."""
    for weighted in weighted_layers(view):
        bias = weighted.bias
        if bias is None or weighted.activation.dtype not in EIGHT_BIT:
            continue
        if bias.dtype != "int32":
            yield Hit(f"the bias is {bias.dtype}", weighted.layer.name)
        elif bias.quantization is not None and any(bias.quantization.zero_points):
            yield Hit("the bias' zero point is not 0", weighted.layer.name)


def bias_scale(view: FileView, _: Context) -> Iterator[Hit]:
    """Accumulators have the scale input * weights, and biases are added as they are."""
    for weighted in weighted_layers(view):
        detail = _bias_mismatch(weighted)
        if detail:
            yield Hit(detail, weighted.layer.name)


def _bias_mismatch(weighted: WeightedLayer) -> str:
    activation, weights, bias = weighted.activation.quantization, weighted.weights.quantization, weighted.bias
    if bias is None or bias.dtype != "int32" or activation is None or weights is None:
        return ""
    if bias.quantization is None:
        return "the bias has no scale"
    found, scales = bias.quantization.scales, weights.scales
    if len(found) not in (1, len(scales)) and len(scales) != 1:
        return f"the bias has {len(found)} scales, the weights have {len(scales)}"
    # A single scale stands for all channels, on either side.
    count = max(len(found), len(scales))
    for _, mine, theirs in zip(range(count), cycle(found), cycle(scales), strict=False):
        expected = activation.scale * theirs
        if not abs(mine - expected) <= _BIAS_TOLERANCE * abs(expected):
            return f"the bias' scale is {mine:.6g}, input x weight is {expected:.6g}"
    return ""


def channels_of_weights(view: FileView, _: Context) -> Iterator[Hit]:
    """Several scales: on weights and biases, along the output channels."""
    allowed: dict[int, int] = {}
    for weighted in weighted_layers(view):
        if weighted.weights.constant:
            allowed[weighted.weights.index] = weighted.form.axis
        if weighted.bias is not None:
            allowed[weighted.bias.index] = 0
    used = {t.index: t for layer in view.layers for t in (*inputs_of(view, layer), *outputs_of(view, layer))}
    for tensor in used.values():
        detail = _wrong_channels(tensor, allowed.get(tensor.index))
        if detail:
            yield Hit(detail, tensor.name)


def _wrong_channels(tensor: TensorView, axis: int | None) -> str:
    if tensor.quantization is None or not tensor.quantization.per_channel:
        return ""
    count = len(tensor.quantization.scales)
    if axis is None:
        return f"{count} scales on a tensor that is neither weights nor a bias"
    if tensor.quantization.axis != axis:
        return f"the scales run along axis {tensor.quantization.axis}, the output channels along {axis}"
    if axis >= len(tensor.shape) or tensor.shape[axis] != count:
        return f"{count} scales for the shape {list(tensor.shape)}"
    return ""


_rule = partial(Rule, severity=Severity.FAIL, source=_SOURCE, fix=_AGAIN)
SCALE_RULES: tuple[Rule, ...] = (
    _rule(
        id="TFL-UNQUANTIZED", sentence="Every 8-bit tensor must have a scale and a zero point.", check=everything_scaled
    ),
    _rule(
        id="TFL-SCALE", sentence="Scales must be positive and finite, zero points within the type.", check=sane_scales
    ),
    _rule(id="TFL-WEIGHT-ZP", sentence="The zero point of int8 weights must be 0.", check=symmetric_weights),
    _rule(id="TFL-BIAS", sentence="Biases must be int32 with zero point 0.", check=integer_bias),
    _rule(
        id="TFL-BIAS-SCALE",
        sentence="The scale of a bias must be input scale x weight scale, to one thousandth.",
        check=bias_scale,
    ),
    _rule(
        id="TFL-CHANNELS",
        sentence="Several scales may only be on weights and biases, one for each output channel.",
        check=channels_of_weights,
    ),
    _rule(
        id="TFL-FIXED-SCALE",
        severity=Severity.WARN,
        sentence="The outputs of LOGISTIC, SOFTMAX and TANH should have their fixed scale and zero point.",
        check=has_fixed_scale,
    ),
    _rule(
        id="TFL-SAME-SCALE",
        severity=Severity.WARN,
        sentence="Ops that only move values should have equal scales at input and output.",
        check=same_scale,
    ),
)
