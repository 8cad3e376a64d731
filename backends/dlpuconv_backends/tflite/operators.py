"""TFLite's 8-bit specification as a table: what each builtin demands of the scales of its tensors.

Sources, by the tag that an entry gives:

* spec: https://ai.google.dev/edge/litert/models/quantization_spec
* property: tensorflow/lite/tools/optimize/operator_property.cc
* kernel: the named file of tensorflow/lite/kernels, its `Prepare` and `Eval`

An entry speaks of the *data* tensors of an operator, which are its float32 ones: indices, shapes, conditions keep
their integer types. An operator without an entry has no int8 form here; `legalize` rewrites some of those first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from dlpuconv.plugin import Affine
from dlpuconv.plugin.quantization import Curve, Meaning, Order, Range, Scales


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorSpec:
    """The int8 form of one builtin.

    Attributes:
        meaning: what holds of all operators of this kind; `meanings` adds what depends on the operator.
        source: where that is written down.
        weighted: it has weights, and an int32 bias, where `WEIGHTED` says.
        by_default: of weights: False where the recipe's granularity applies only to layers that an override names.
    """

    meaning: Meaning
    source: str
    weighted: bool = False
    by_default: bool = True


def _free(source: str, **told: Any) -> OperatorSpec:
    return OperatorSpec(meaning=Meaning(scales=Scales.FREE, **told), source=source)


def _same(source: str, **told: Any) -> OperatorSpec:
    return OperatorSpec(meaning=Meaning(scales=Scales.SAME, order=Order.KEPT, **told), source=source)


def _moves(source: str) -> OperatorSpec:
    return _same(source, moves=True)


def _reorders(source: str, **told: Any) -> OperatorSpec:
    return _same(source, moves=True, reorders=True, **told)


def _clamp(source: str, low: float, high: float, clip: float | None) -> OperatorSpec:
    bounds = Range(low, high)
    return _free(source, clamp=bounds, sees=bounds, clip=clip, order=Order.KEPT)


def _fixed(scale: float, zero_point: int, source: str, **told: Any) -> OperatorSpec:
    return OperatorSpec(meaning=Meaning(scales=Scales.FIXED, fixed=Affine.of(scale, zero_point), **told), source=source)


def _reads(source: str, **told: Any) -> OperatorSpec:
    return OperatorSpec(meaning=Meaning(scales=Scales.READS, **told), source=source)


def _compares(source: str) -> OperatorSpec:
    return _reads(source, scale_limit=1.0)


def _weighted(source: str, *, by_default: bool = True) -> OperatorSpec:
    return OperatorSpec(meaning=Meaning(scales=Scales.FREE), source=source, weighted=True, by_default=by_default)


_POSITIVE = Range(0.0, math.inf)
_ADD_HEADROOM = 2.0**-17
"""kernel add.cc: twice the larger input scale over 2^20 must stay below the output's scale; 2^-17 leaves a reserve."""
# A quarter of an output step, so that the nudge of a zero point cannot lift the lowest code over half a step.
_SIGMOID_EDGE = math.log(4 * 256 - 1)  # sigmoid(-edge) = 0.25 / 256
_TANH_EDGE = math.log(4 * 256 - 1) / 2  # 1 - tanh(edge) = 0.25 / 128
_GELU_EDGE = 4.0  # gelu(-4) = -1.3e-4; a step of an output that holds [-0.17, 0] is at least 6.7e-4
_ELU_EDGE = math.log(4 * 256 - 1)  # elu(-edge) = -1 + 0.25 / 256

SPECS: dict[str, OperatorSpec] = {
    # Layers: weights int8 symmetric in [-127, 127], bias int32 with scale input x weight.
    "CONV_2D": _weighted("spec; kernel conv.cc"),
    "DEPTHWISE_CONV_2D": _weighted("spec; kernel depthwise_conv.cc"),
    "TRANSPOSE_CONV": _weighted("property; kernel transpose_conv.cc"),
    "FULLY_CONNECTED": _weighted(
        "spec: per tensor; kernel fully_connected.cc has per channel since TensorFlow 2.17", by_default=False
    ),
    # Arithmetic that rescales.
    "ADD": _free(
        "spec; kernel add.cc: rescales both inputs to twice the larger scale, 20 bits up",
        headroom=_ADD_HEADROOM,
        signs=(1, 1),
        order=Order.WITH_CONSTANT,
    ),
    "SUB": _free("spec; kernel sub.cc, as add.cc", headroom=_ADD_HEADROOM, signs=(1, -1), order=Order.WITH_CONSTANT),
    "MUL": _free("spec; kernel mul.cc: one multiplier, input1 x input2 / output", order=Order.PRODUCT),
    "SQUARED_DIFFERENCE": _free("kernel squared_difference.cc: as add.cc, squared"),
    "BATCH_MATMUL": _free(
        "property; kernel batch_matmul.cc: both operands may have zero points; LiteRT's XNNPACK takes the second"
        " one's for 0",
        centered=(1,),
    ),
    "MEAN": _free("spec; kernel reduce.cc"),
    "SUM": _free("spec; kernel reduce.cc"),
    "RELU": _clamp("spec; kernel activations.cc", 0.0, math.inf, None),
    "RELU6": _clamp("property; kernel activations.cc", 0.0, 6.0, 6.0),
    "RELU_N1_TO_1": _clamp("property; kernel activations.cc", -1.0, 1.0, 1.0),
    "RELU_0_TO_1": _clamp("kernel activations.cc", 0.0, 1.0, 1.0),
    "LEAKY_RELU": _free("property; kernel activations.cc: two multipliers", order=Order.KEPT),
    "PRELU": _free("property; kernel activations.cc: alpha has a scale of its own", curve=Curve.PRELU),
    "HARD_SWISH": _free("property; kernel activations.cc", sees=Range(-3.0, math.inf), curve=Curve.HARD_SWISH),
    "ELU": _free("kernel activations.cc: a table of 256 entries", sees=Range(-_ELU_EDGE, math.inf), order=Order.KEPT),
    "GELU": _free("kernel activations.cc: a table of 256 entries", sees=Range(-_GELU_EDGE, math.inf)),
    "EXP": _free("kernel exp.cc: a table of 256 entries", order=Order.KEPT),
    "LOG": _free("kernel log.cc: a table of 256 entries", order=Order.KEPT, domain=_POSITIVE),
    "SQRT": _free("kernel elementwise.cc: a table of 256 entries", order=Order.KEPT, domain=_POSITIVE),
    "RSQRT": _free("kernel elementwise.cc: integer Newton steps; zero gives the largest code", domain=_POSITIVE),
    "ABS": _free("property; kernel elementwise.cc: rescales"),
    "QUANTIZE": _free("spec; kernel quantize.cc", order=Order.KEPT, rescales=True),
    # Outputs that the kernel prescribes.
    "LOGISTIC": _fixed(
        1 / 256,
        -128,
        "spec; kernel activations.cc checks it",
        sees=Range(-_SIGMOID_EDGE, _SIGMOID_EDGE),
        curve=Curve.SIGMOID,
        order=Order.KEPT,
        is_score=True,
    ),
    "SOFTMAX": _fixed(
        1 / 256, -128, "spec; kernel activations.cc checks it", rows=True, order=Order.KEPT, is_score=True
    ),
    "TANH": _fixed(
        1 / 128, 0, "spec; kernel activations.cc checks it", sees=Range(-_TANH_EDGE, _TANH_EDGE), order=Order.KEPT
    ),
    "L2_NORMALIZATION": _fixed(1 / 128, 0, "spec; kernel l2norm.cc checks it"),
    "LOG_SOFTMAX": _fixed(16 / 256, 127, "spec; kernel activations.cc checks it", order=Order.KEPT),
    # Codes that only move.
    "RESHAPE": _reorders("spec", reshapes=True),
    "TRANSPOSE": _reorders("spec"),
    "SQUEEZE": _reorders("property", reshapes=True),
    "EXPAND_DIMS": _reorders("property", reshapes=True),
    "SPACE_TO_DEPTH": _reorders("property"),
    "DEPTH_TO_SPACE": _reorders("property"),
    "SPACE_TO_BATCH_ND": _reorders("property"),
    "BATCH_TO_SPACE_ND": _moves("property; crops"),
    "REVERSE_V2": _reorders("kernel reverse.cc"),
    "TILE": _reorders("kernel tile.cc"),
    "BROADCAST_TO": _reorders("kernel broadcast_to.cc"),
    "PAD": _reorders("property; kernel pad.cc pads with the zero point"),
    "PADV2": _reorders("property; kernel pad.cc", pads=True),
    "MIRROR_PAD": _reorders("property; kernel mirror_pad.cc"),
    "RESIZE_NEAREST_NEIGHBOR": _moves("spec"),
    "SLICE": _moves("spec"),
    "STRIDED_SLICE": _moves("spec"),
    "GATHER": _moves("spec"),
    "GATHER_ND": _moves("property"),
    "SPLIT": _moves("spec"),
    "SPLIT_V": _moves("property"),
    "UNPACK": _moves("property"),
    "TOPK_V2": _moves("property"),
    "MAX_POOL_2D": _moves("spec; kernel pooling.cc checks it"),
    "REDUCE_MAX": _moves("property; kernel reduce.cc checks it"),
    "REDUCE_MIN": _moves("property; kernel reduce.cc checks it"),
    # Codes that are averaged: no value leaves the input's range, but a clamp does not commute.
    "AVERAGE_POOL_2D": _same("spec; kernel pooling.cc checks it"),
    "RESIZE_BILINEAR": _same("spec"),
    # Several data inputs meet in one scale.
    "CONCATENATION": _reorders("spec; kernel concatenation.cc checks it"),
    "PACK": _reorders("property; kernel pack.cc checks it"),
    "MAXIMUM": _moves("spec; kernel maximum_minimum.cc compares codes"),
    "MINIMUM": _moves("spec; kernel maximum_minimum.cc compares codes"),
    "SELECT": _moves("property; kernel select.cc copies codes"),
    "SELECT_V2": _moves("property; kernel select.cc copies codes"),
    "ONE_HOT": _reorders("kernel one_hot.cc copies the codes of on and off"),
    "FILL": _reorders("kernel fill.cc checks it"),
    "DYNAMIC_UPDATE_SLICE": _moves("kernel dynamic_update_slice.cc copies codes"),
    # Data goes in, booleans or indices come out.
    "ARG_MAX": _reads("property"),
    "ARG_MIN": _reads("property"),
    "EQUAL": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
    "NOT_EQUAL": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
    "LESS": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
    "LESS_EQUAL": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
    "GREATER": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
    "GREATER_EQUAL": _compares("property; kernel comparisons.cc rescales; wrong, or an abort, on a scale of 1 or more"),
}
