"""Sound TensorFlow Lite files to be damaged: those of the tests, and one for many an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Operator

_SINGLE = (
    ("SOFTMAX", "Softmax"), ("LOGISTIC", ""), ("TANH", ""), ("RELU", ""), ("RELU6", ""), ("HARD_SWISH", "HardSwish"),
    ("LEAKY_RELU", "LeakyRelu"), ("MEAN", "Reducer"), ("RESHAPE", "Reshape"), ("TRANSPOSE", "Transpose"),
    ("PAD", "Pad"), ("STRIDED_SLICE", "StridedSlice"), ("RESIZE_BILINEAR", "ResizeBilinear"), ("ARG_MAX", "ArgMax"),
    ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor"), ("SQUEEZE", "Squeeze"), ("SPLIT", "Split"), ("PACK", "Pack"),
    ("DEPTH_TO_SPACE", "DepthToSpace"), ("QUANTIZE", "Quantize"), ("DEQUANTIZE", "Dequantize"), ("CAST", "Cast"),
    ("L2_NORMALIZATION", "L2Norm"), ("MAX_POOL_2D", "Pool2D"), ("AVERAGE_POOL_2D", "Pool2D"), ("GELU", "Gelu"),
    ("UNPACK", "Unpack"), ("GATHER", "Gather"), ("BATCH_TO_SPACE_ND", "BatchToSpaceND"), ("CUSTOM", ""),
)  # fmt: skip
_PAIRS = (("ADD", "Add"), ("MUL", "Mul"), ("SUB", "Sub"), ("DIV", "Div"), ("MAXIMUM", "MaximumMinimum"),
          ("CONCATENATION", "Concatenation"), ("BATCH_MATMUL", "BatchMatMul"), ("PRELU", ""),
          ("SQUARED_DIFFERENCE", "SquaredDifference"), ("MINIMUM", "MaximumMinimum"))  # fmt: skip


def seeds() -> tuple[bytes, ...]:
    """All of them, the same ones each time."""
    from tests.targets.artpec.layers import alternating, compiled, depthwise, pool
    from tests.verification.test_advice_rules import error_function, gelu, joined
    from tests.verification.test_common_rules import detector
    from tests.verification.test_verify_file import converted
    from tests.verification.tflite_models import healthy, one_op

    made = [
        healthy(), detector(), compiled(), gelu(), error_function(), alternating(3), converted(),
        converted(per_channel=True), joined("LOGISTIC", 2.5, requantized=True), joined("TANH", 2.5, requantized=False),
        one_op(depthwise()), one_op(pool("MAX_POOL_2D", 2, 2)),
    ]  # fmt: skip
    return (*made, *(one_op(operator) for operator in _operators()))


def sources() -> tuple[bytes, ...]:
    """Float files of the tests: one for each use of an operator that is read, and networks of several."""
    from tests.frontends.tflite.test_operators import CASES
    from tests.frontends.tflite.test_source import dilated, network
    from tests.verification.tflite_models import one_op

    return (network(), dilated(), *map(one_op, CASES))


def _operators() -> list[Operator]:
    """One of each kind, on a picture of 8 x 8 pixels and with such constants as most have."""
    from dlpuconv_backends.flatbuffer import Operator
    from tests.verification.tflite_models import activation, constant, options, plain

    x, y = activation("x", (1, 8, 8, 4)), activation("y", (1, 8, 8, 4))
    other, numbers = activation("other", (1, 8, 8, 4)), constant("numbers", np.array([1, 2, 2, 1]))
    real, out = plain("x", (1, 8, 8, 4)), plain("y", (1, 8, 8, 4))
    made = []
    for kind, table in _SINGLE:
        chosen = options(table) if table else None
        made.append(Operator(kind, [x, numbers], [y], chosen))
        made.append(Operator(kind, [real], [out], chosen))
    made += [Operator(kind, [x, other], [y], options(table) if table else None) for kind, table in _PAIRS]
    return made
