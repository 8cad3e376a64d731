"""ONNX Runtime's integer kernels as a table: what each demands of the scales of its tensors.

An operator with an entry runs on codes between its DequantizeLinear and QuantizeLinear, at ORT_ENABLE_EXTENDED on a
processor. What has none stays float: values between two such operators are not quantized at all, which is faster
and more exact than integers that nobody computes with.

Sources, by the tag that an entry gives:

* selector: onnxruntime/core/optimizer/qdq_transformer/selectors_actions/qdq_selector_action_transformer.cc
* propagation: onnxruntime/core/optimizer/qdq_transformer/qdq_propagation.cc, which moves the nodes past it
* kernel: the named file of onnxruntime/core/providers/cpu or contrib_ops/cpu/quantization
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dlpuconv.plugin.quantization import Curve, Meaning, Order, Range, Scales, covering

if TYPE_CHECKING:
    from dlpuconv.plugin import Affine, Coding


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegerForm:
    """The integer form of one operator.

    Attributes:
        meaning: what holds of all operators of this kind; `meanings` adds what depends on the operator.
        source: where that is written down.
        score: its output is a probability, for which the scale is one step of the whole interval from 0 to 1.
    """

    meaning: Meaning
    source: str
    score: bool = False


def _free(source: str, **told: Any) -> IntegerForm:
    return IntegerForm(meaning=Meaning(scales=Scales.FREE, **told), source=source)


def _same(source: str, **told: Any) -> IntegerForm:
    return IntegerForm(meaning=Meaning(scales=Scales.SAME, moves=True, order=Order.KEPT, **told), source=source)


def _score(source: str, **told: Any) -> IntegerForm:
    meaning = Meaning(scales=Scales.FIXED, order=Order.KEPT, is_score=True, **told)
    return IntegerForm(meaning=meaning, source=source, score=True)


_SIGMOID_EDGE = math.log(4 * 255 - 1)  # sigmoid(-edge) is a quarter of a step
_MOVES = "selector, drop: the codes are moved, under equal scales"

FORMS: dict[str, IntegerForm] = {
    # Layers: weights int8, bias int32 with scale input x weight.
    "Conv": _free("selector: QLinearConv"),
    "Gemm": _free("selector: QGemm"),
    "MatMul": _free("selector: QLinearMatMul; with a bias behind it, QGemm"),
    # Arithmetic that rescales.
    "Add": _free("selector: QLinearAdd", signs=(1, 1), order=Order.WITH_CONSTANT),
    "Mul": _free("selector: QLinearMul", order=Order.PRODUCT),
    "LeakyRelu": _free("selector: QLinearLeakyRelu", order=Order.KEPT),
    "AveragePool": _free("selector: QLinearAveragePool"),
    "GlobalAveragePool": _free("selector: QLinearGlobalAveragePool"),
    "Concat": _free("selector: QLinearConcat, a table for each operand of another scale", order=Order.KEPT),
    "Where": _free("selector: QLinearWhere"),
    "Relu": _free("clip_quantizelinear.cc, relu_quantizelinear.cc: what saturation does is left out", order=Order.KEPT),
    "Clip": _free("clip_quantizelinear.cc: what saturation does is left out", order=Order.KEPT),
    # Scores.
    "Sigmoid": _score("selector: QLinearSigmoid", sees=Range(-_SIGMOID_EDGE, _SIGMOID_EDGE), curve=Curve.SIGMOID),
    "Softmax": _score("selector: QLinearSoftmax", rows=True),
    # Codes that only move.
    "Reshape": _same(_MOVES, reorders=True, reshapes=True),
    "Flatten": _same(_MOVES, reorders=True, reshapes=True),
    "Squeeze": _same(_MOVES, reorders=True, reshapes=True),
    "Unsqueeze": _same(_MOVES, reorders=True, reshapes=True),
    "Transpose": _same(_MOVES, reorders=True),
    "DepthToSpace": _same("propagation; kernel space_depth_ops.cc, of bytes since 1.22", reorders=True),
    "SpaceToDepth": _same("propagation; kernel space_depth_ops.cc, of bytes since 1.22", reorders=True),
    "Expand": _same(_MOVES, reorders=True),
    "Tile": _same(_MOVES, reorders=True),
    "Slice": _same(_MOVES),
    "Gather": _same(_MOVES),
    "GatherElements": _same(_MOVES),
    "Split": _same("selector: equal scales"),
    "MaxPool": _same("selector, drop: compares codes"),
    "ReduceMax": _same("selector, drop: compares codes"),
    "ReduceMin": _same("selector, drop: compares codes"),
    "Resize": _same("selector, drop; kernel upsample.cc truncates averages of bytes: for nearest only"),
    # Data goes in, indices come out.
    "ArgMax": IntegerForm(meaning=Meaning(scales=Scales.READS), source="selector, dropDQ"),
}


def score_scale(coding: Coding) -> Affine:
    """From 0 to 1 in as many steps as there are."""
    return covering(Range(0.0, 1.0), coding)
