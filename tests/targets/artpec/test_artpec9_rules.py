"""The limits and advice of ARTPEC-9: what keeps them, and what breaks them."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.verification.rule import Severity
from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_targets.artpec import ARTPEC9
from tests.targets.artpec.layers import (
    SIDES,
    X,
    binary,
    concat,
    depthwise,
    image,
    mean,
    of,
    padded,
    pool,
    resized,
    scalar,
    split,
    squashed,
    transposed_conv,
)
from tests.verification.tflite_models import activation, constant, conv, file_of, findings, one_op, options


@pytest.mark.parametrize(
    ("rule", "sound", "broken"),
    [
        ("A9-OP", squashed("RELU", 0.05, 0), squashed("EXP", 0.05, 0)),
        ("A9-KERNEL", conv(image(), "y", 16, (7, 5)), conv(image(), "y", 16, (6, 6))),
        ("A9-KERNEL", conv(image(), "y", 16, (9, 9)), conv(image(), "y", 16, (9, 9), (2, 2))),
        ("A9-STRIDE", conv(image(), "y", 16, stride=(2, 2)), conv(image(), "y", 16, stride=(2, 1))),
        ("A9-STRIDE", depthwise(stride=2), depthwise(stride=2, kernel=1)),
        ("A9-STRIDE", transposed_conv(2), transposed_conv(1)),
        ("A9-DILATION", conv(image(), "y", 16), conv(image(), "y", 16, dilation=2)),
        ("A9-DEPTH-MULTIPLIER", depthwise(), depthwise(multiplier=2)),
        ("A9-SCALE", conv(image(), "y", 16, scale=1.0), conv(image(), "y", 16, scale=70000.0)),
        ("A9-CONCAT", concat(16, 32), concat(16, 24)),
        ("A9-CONCAT", concat(3, 5, axis=1), concat(16, 16, scale=0.0001)),
        ("A9-SPLIT", split(1, 2), split(3, 2)),
        ("A9-MUL", binary("MUL", image(), scalar(shape=(16,))), binary("MUL", image(), image("z"))),
        ("A9-MUL", binary("MUL", scalar(shape=(16,)), image()), binary("MUL", image(), scalar(shape=(1, 8, 1, 16)))),
        # 3 x 0.05 = 0.15: the same steps mean 0.15 x as much
        ("A9-MUL", binary("MUL", scalar(), image(), image("y", scale=0.0075)), binary("MUL", scalar(), image())),
        ("A9-ADD", binary("ADD", image(), image("z")), binary("ADD", image(), image("z", (1, 1, 1, 16)))),
        ("A9-ADD", binary("ADD", image(), image("z")), binary("ADD", image(), scalar(shape=(16,)))),
        # 3 steps more: what was 0 is at -3
        (
            "A9-ADD",
            binary("ADD", image(), scalar(), activation("y", X, zero_point=-3)),
            binary("ADD", image(), scalar()),
        ),
        ("A9-POOL", pool("MAX_POOL_2D", 2, 2, valid=True), pool("MAX_POOL_2D", 2, 2)),
        ("A9-POOL", pool("MAX_POOL_2D", 3, 2, side=9), pool("MAX_POOL_2D", 3, 2, side=9, valid=True)),
        ("A9-POOL", pool("MAX_POOL_2D", 5, 1), pool("MAX_POOL_2D", 4, 4)),
        ("A9-POOL", pool("AVERAGE_POOL_2D", 8, 1, valid=True), pool("AVERAGE_POOL_2D", 2, 2)),
        ("A9-POOL", pool("AVERAGE_POOL_2D", 3, 1), pool("AVERAGE_POOL_2D", 3, 1, valid=True)),
        ("A9-MEAN", mean(7, [1, 2]), mean(6, [1, 2])),
        ("A9-MEAN", mean(8, [2, 1]), mean(8, [3])),
        ("A9-PAD", padded([[0, 0], [7, 0], [0, 7], [0, 0]]), padded([[0, 0], [8, 0], [0, 0], [0, 0]])),
        ("A9-PAD", padded(SIDES), padded([[0, 0], [0, 0], [0, 0], [0, 1]])),
        ("A9-RESIZE-EXACT", resized("RESIZE_BILINEAR", 15, 15), resized("RESIZE_BILINEAR", 16, 15)),
        ("A9-ACTIVATION", squashed("RELU6", 0.05, 0), squashed("LEAKY_RELU", 0.05, 0)),
        ("A9-PAD", padded(SIDES), Operator("PAD", padded(SIDES).inputs, [image("y", (1, 10, 10, 16), 0.06)])),
        ("A9-RESIZE", resized("RESIZE_BILINEAR", 16, 15), resized("RESIZE_BILINEAR", 24, 24)),
        ("A9-SIGMOID", squashed("LOGISTIC", 1 / 256, -128), squashed("LOGISTIC", 1 / 128, -128)),
        ("A9-TANH", squashed("TANH", 1 / 128, 0), squashed("TANH", 1 / 128, 1)),
        (
            "A9-LEAKY-RELU",
            Operator("LEAKY_RELU", [image()], [image("y")], options("LeakyRelu", alpha=0.1)),
            Operator("LEAKY_RELU", [image()], [image("y")], options("LeakyRelu", alpha=1.5)),
        ),
        (
            "A9-REQUANTIZE",
            Operator("QUANTIZE", [image()], [image("y", scale=0.01)]),
            Operator("QUANTIZE", [image()], [image("y", scale=0.0003)]),
        ),
        (
            "A9-DEPTH-TO-SPACE",
            Operator("DEPTH_TO_SPACE", [image()], [image("y", (1, 16, 16, 4))], options("DepthToSpace", blockSize=2)),
            Operator("DEPTH_TO_SPACE", [image()], [image("y", (1, 32, 32, 1))], options("DepthToSpace", blockSize=4)),
        ),
        (
            "A9-TRANSPOSE",
            Operator("TRANSPOSE", [image(), constant("o", [0, 3, 1, 2])], [image("y", (1, 16, 8, 8))]),
            Operator("TRANSPOSE", [image(), constant("o", [1, 0, 2, 3])], [image("y", (8, 1, 8, 16))]),
        ),
        ("A9-CHANNELS", conv(image(), "y", 32), conv(image(), "y", 24)),
        ("A9-EXPLICIT-PAD", conv(image(), "y", 16), padded(SIDES)),
    ],
)
def test_limits_and_advice_of_artpec9_warn(rule: str, sound: Operator, broken: Operator) -> None:
    assert rule not in of(sound, ARTPEC9)
    assert rule in of(broken, ARTPEC9)
    assert findings(one_op(broken), ARTPEC9.rules)[rule].severity is Severity.WARN


def test_artpec9_takes_no_fifth_axis() -> None:
    five = Operator(
        "RESHAPE", [image()], [image("y", (1, 8, 8, 4, 4))], options("Reshape", newShape=np.array([1, 8, 8, 4, 4]))
    )
    assert findings(one_op(five), ARTPEC9.rules)["A9-RANK"].severity is Severity.FAIL


def test_artpec9_takes_no_batch_inside() -> None:
    layer = conv(image(shape=(2, 8, 8, 16)), "y", 16)
    assert findings(one_op(layer), ARTPEC9.rules)["A9-BATCH"].severity is Severity.FAIL


def test_a_residual_sum_into_a_convolution_is_told_unless_it_is_an_output() -> None:
    a, b = image("a"), image("b")
    total = binary("ADD", a, b)
    after = conv(total.output, "after", 16)
    assert "A9-RESIDUAL" in findings(file_of([a, b], after.outputs, total, after), ARTPEC9.rules)
    exposed = file_of([a, b], [*after.outputs, total.output], total, after)
    assert "A9-RESIDUAL" not in findings(exposed, ARTPEC9.rules)
