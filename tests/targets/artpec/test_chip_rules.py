"""The limits and advice of each chip: what keeps them, and what breaks them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.verify.rule import Severity
from dlpuconv.verify.rules import TFLITE_RULES
from dlpuconv_backends.flatbuffer import Affine, Operator, Tensor
from dlpuconv_targets.artpec import ARTPEC7, ARTPEC8, ARTPEC9
from tests.verify.tflite_models import (
    activation,
    constant,
    conv,
    edited,
    file_of,
    findings,
    one_op,
    options,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.plugin import Target

X = (1, 8, 8, 16)
SIDES = [[0, 0], [1, 1], [1, 1], [0, 0]]


def of(operator: Operator, target: Target) -> set[str]:
    """The chip's own rules that a file of one operator breaks."""
    return own(one_op(operator), target)


def image(name: str = "x", shape: Sequence[int] = X, scale: float = 0.05) -> Tensor:
    return activation(name, shape, scale=scale)


def scalar(value: int = 3, shape: Sequence[int] = ()) -> Tensor:
    data = np.full(tuple(shape), value, np.int8)
    return Tensor("c", tuple(shape), data.dtype, data, Affine.per_tensor(0.05, 0))


def depthwise(multiplier: int = 1, stride: int = 1, kernel: int = 3) -> Operator:
    made = activation("y", (1, 8 // stride, 8 // stride, 16 * multiplier))
    kernels = weights("w", (1, kernel, kernel, 16 * multiplier), axis=3)
    chosen = options("DepthwiseConv2D", strideH=stride, strideW=stride, depthMultiplier=multiplier)
    return Operator("DEPTHWISE_CONV_2D", [image(), kernels], [made], chosen)


def pool(kind: str, window: int, stride: int, *, valid: bool = False, side: int = 8, fused: int = 0) -> Operator:
    chosen = options(
        "Pool2D",
        padding=int(valid),
        strideH=stride,
        strideW=stride,
        filterHeight=window,
        filterWidth=window,
        fusedActivationFunction=fused,
    )
    made = (side - window) // stride + 1 if valid else -(-side // stride)
    return Operator(kind, [image(shape=(1, side, side, 16))], [image("y", (1, made, made, 16))], chosen)


def concat(*depths: int, axis: int = 3, scale: float = 0.05, fused: int = 0) -> Operator:
    parts = [image(f"p{i}", (1, 8, 8, d)) for i, d in enumerate(depths)]
    made = image("y", (1, 8, 8, sum(depths)), scale)
    return Operator(
        "CONCATENATION", [*parts], [made], options("Concatenation", axis=axis, fusedActivationFunction=fused)
    )


def binary(kind: str, a: Tensor, b: Tensor, made: Tensor | None = None) -> Operator:
    return Operator(kind, [a, b], [made or image("y")], options("Add" if kind == "ADD" else "Mul"))


def behind(layer: Operator, *more: Operator) -> bytes:
    """A file of layers, each of which reads the one before; the first reads the file's only input."""
    return file_of([layer.input(0)], more[-1].outputs, layer, *more)


def own(content: bytes, target: Target) -> set[str]:
    """The chip's own rules that a file breaks."""
    return set(findings(content, target.rules)) - {rule.id for rule in TFLITE_RULES}


def padded(amounts: list[list[int]]) -> Operator:
    made = tuple(n + sum(p) for n, p in zip(X, amounts, strict=True))
    return Operator("PAD", [image(), constant("amounts", amounts)], [image("y", made)], options("Pad"))


def resized(kind: str, height: int, width: int) -> Operator:
    made = image("y", (1, height, width, 16))
    return Operator(kind, [image(), constant("size", [height, width])], [made], None)


def squashed(kind: str, scale: float, zero_point: int) -> Operator:
    return Operator(kind, [image()], [activation("y", X, scale=scale, zero_point=zero_point)])


def mean(side: int, axes: list[int]) -> Operator:
    x = image(shape=(1, side, side, 16))
    return Operator("MEAN", [x, constant("axes", axes)], [image("y", (1, 16))], options("Reducer"))


def split(axis: int, count: int) -> Operator:
    depth = 16 // count if axis == 3 else 16
    parts = [image(f"y{i}", (1, 8 if axis == 3 else 8 // count, 8, depth)) for i in range(count)]
    return Operator("SPLIT", [constant("axis", axis), image()], parts, options("Split", numSplits=count))


def concat_with(value: int, more: int = 0) -> Operator:
    """An activation and a constant of this value (and more activations) along the channels."""
    parts = [
        image("p", (1, 8, 8, 4)),
        scalar(value, (1, 8, 8, 4)),
        *(image(f"p{i}", (1, 8, 8, 4)) for i in range(more)),
    ]
    made = image("y", (1, 8, 8, 4 * len(parts)))
    return Operator("CONCATENATION", [*parts], [made], options("Concatenation", axis=3))


def fully_connected(shape: Sequence[int]) -> Operator:
    x, made = activation("x", (shape[0], 8)), activation("y", shape)
    return Operator("FULLY_CONNECTED", [x, weights("w", (shape[-1], 8))], [made], options("FullyConnected"))


def transposed_conv(stride: int) -> Operator:
    x, made = image(), image("y", (1, 8 * stride, 8 * stride, 16))
    size, kernels = constant("size", made.shape), weights("w", (16, 3, 3, 16))
    chosen = options("TransposeConv", strideH=stride, strideW=stride)
    return Operator("TRANSPOSE_CONV", [size, kernels, x], [made], chosen)


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


@pytest.mark.parametrize(
    ("rule", "sound", "broken"),
    [
        ("A8-KERNEL", conv(image(), "y", 6), conv(image(), "y", 6, (5, 5))),
        ("A8-STRIDE", conv(image(), "y", 6, stride=(2, 2)), conv(image(), "y", 6, stride=(4, 4))),
        ("A8-CHANNELS", conv(image(), "y", 18), conv(image(), "y", 16)),
        ("A8-DEPTHWISE", conv(image(), "y", 6), depthwise()),
        ("A8-LEAKY-RELU", squashed("RELU", 0.05, 0), squashed("LEAKY_RELU", 0.05, 0)),
        ("A8-ACTIVATION", squashed("RELU6", 0.05, 0), squashed("HARD_SWISH", 0.05, 0)),
        ("A8-OP-UNLISTED", squashed("SOFTMAX", 1 / 256, -128), squashed("LOGISTIC", 1 / 256, -128)),
        ("A8-OP-UNKNOWN", squashed("LOGISTIC", 1 / 256, -128), squashed("ROUND", 0.05, 0)),
    ],
)
def test_advice_of_artpec8_warns(rule: str, sound: Operator, broken: Operator) -> None:
    assert rule not in of(sound, ARTPEC8)
    assert rule in of(broken, ARTPEC8)


def alternating(fallbacks: int) -> bytes:
    """RELU, ROUND, RELU, ROUND ... RELU."""
    first = image()
    value, operators = first, []
    for i in range(fallbacks):
        known, unknown = image(f"known{i}"), image(f"unknown{i}")
        operators += [Operator("RELU", [value], [known]), Operator("ROUND", [known], [unknown])]
        value = unknown
    last = image("last")
    return file_of([first], [last], *operators, Operator("RELU", [value], [last]))


def test_artpec8_knows_silu_by_its_parts() -> None:
    """x times LOGISTIC of x is SiLU; x times LOGISTIC of something else is a gate."""
    x, z, squeezed, made = image("x"), image("z"), image("squeezed"), image("made")
    product = Operator("MUL", [x, squeezed], [made], options("Mul"))
    silu = file_of([x], [made], Operator("LOGISTIC", [x], [squeezed]), product)
    gate = file_of([x, z], [made], Operator("LOGISTIC", [z], [squeezed]), product)
    (hit,) = findings(silu, ARTPEC8.rules)["A8-ACTIVATION"].hits
    assert (hit.layer, hit.detail) == ("made", "SiLU (MUL by LOGISTIC)")
    assert "A8-ACTIVATION" not in findings(gate, ARTPEC8.rules)


def test_more_than_sixteen_partitions_fail_artpec8() -> None:
    assert "A8-PARTITIONS" not in findings(alternating(7), ARTPEC8.rules)
    found = findings(alternating(8), ARTPEC8.rules)["A8-PARTITIONS"]
    assert found.severity is Severity.FAIL
    assert found.hits[0].detail == "an estimate of 17, cut by ROUND"


def with_uneven_dilation() -> Operator:
    layer = conv(image(), "y", 8)
    layer.options.dilationHFactor = 2
    return layer


@pytest.mark.parametrize(
    ("rule", "sound", "broken"),
    [
        ("A7-SOFTMAX", squashed_vector := Operator("SOFTMAX", [activation("x", (1, 10))], [activation("y", (1, 10))]),
         Operator("SOFTMAX", [activation("x", (1, 16001))], [activation("y", (1, 16001))])),
        ("A7-SOFTMAX", squashed_vector, squashed("SOFTMAX", 1 / 256, -128)),
        ("A7-FUSED", pool("MAX_POOL_2D", 2, 2), pool("MAX_POOL_2D", 2, 2, fused=1)),
        ("A7-FUSED", concat(8, 8), concat(8, 8, fused=1)),
        ("A7-BATCH-AXIS", mean(7, [1, 2]), mean(7, [0])),
        ("A7-BATCH-AXIS", padded(SIDES), padded([[0, 1], [0, 0], [0, 0], [0, 0]])),
        ("A7-CUT", conv(image(), "y", 8), squashed("LEAKY_RELU", 0.05, 0)),
        ("A7-BATCH-AXIS", split(1, 2), split(0, 1)),
        ("A7-CONCAT", concat(8, 8), concat_with(5)),
        ("A7-CONCAT", concat_with(0), concat_with(0, 3)),
        ("A7-MEAN", mean(8, [3]), Operator("MEAN", [image(shape=(1, 8, 8, 6)), constant("axes", [3])],
                                           [image("y", (1, 8, 8))], options("Reducer"))),
        ("A7-FULLY-CONNECTED", fully_connected((1, 4)), fully_connected((2, 4))),
        ("A7-DILATION", conv(image(), "y", 8, dilation=2), with_uneven_dilation()),
        ("A7-INPUT-SIZE", conv(image(shape=(1, 300, 300, 3)), "y", 3), conv(image(shape=(1, 340, 340, 3)), "y", 3)),
        ("A7-RUNTIME", squashed("RELU", 0.05, 0), squashed("RSQRT", 0.05, 0)),
    ],
)  # fmt: skip
def test_limits_of_artpec7_warn(rule: str, sound: Operator, broken: Operator) -> None:
    assert rule not in of(sound, ARTPEC7)
    assert rule in of(broken, ARTPEC7)
    assert findings(one_op(broken), ARTPEC7.rules)[rule].severity is Severity.WARN


def test_the_cut_of_artpec7_tells_the_share_of_work_behind_it() -> None:
    """Two equal convolutions, the cut between them."""
    x = image()
    first = conv(x, "first", 16)
    leak = image("leak")
    second = conv(leak, "second", 16)
    content = file_of([x], second.outputs, first, Operator("LEAKY_RELU", [first.output], [leak]), second)
    (hit,) = findings(content, ARTPEC7.rules)["A7-CUT"].hits
    assert hit.layer == "leak"
    assert "50% of the multiplications" in hit.detail


def test_artpec7_takes_three_long_axes_up_to_its_cut() -> None:
    shape = (1, 2, 4, 8, 16)
    five = Operator("RESHAPE", [image()], [image("five", shape)], options("Reshape", newShape=np.array(shape)))
    assert findings(one_op(five), ARTPEC7.rules)["A7-RANK"].severity is Severity.FAIL
    x, leak = image(), image("leak")
    behind = Operator("RESHAPE", [leak], [image("five", shape)], options("Reshape", newShape=np.array(shape)))
    content = file_of([x], behind.outputs, Operator("LEAKY_RELU", [x], [leak]), behind)
    assert "A7-RANK" not in findings(content, ARTPEC7.rules)


def test_artpec7_advises_per_channel_weights_and_counts_parameters() -> None:
    x = image(shape=(1, 1, 1, 1024))
    first = conv(x, "first", 6, (1, 1))
    second = conv(first.output, "second", 6, (1, 1))
    found = findings(file_of([x], second.outputs, first, second), ARTPEC7.rules)
    assert len(found["A7-PER-TENSOR"].hits) == 2
    assert "A7-MEMORY" not in found
    large = conv(x, "large", 8192, (1, 1))
    assert findings(one_op(large), ARTPEC7.rules)["A7-MEMORY"].hits[0].detail == "there are 8.0 MiB"


def test_the_newest_runtime_of_the_edge_tpu_is_known_to_be_in_newer_firmware() -> None:
    content = one_op(squashed("RSQRT", 0.05, 0))
    assert "A7-RUNTIME" in findings(content, ARTPEC7.rules, firmware=(10, 6))
    assert "A7-RUNTIME" not in findings(content, ARTPEC7.rules, firmware=(10, 8, 1))


def test_resizes_of_half_pixel_centres_are_of_a_version_that_the_edge_tpu_compiler_refused() -> None:
    layer = resized("RESIZE_BILINEAR", 16, 16)
    content = file_of([layer.input(0)], layer.outputs, layer)
    assert "A7-RESIZE" not in findings(content, ARTPEC7.rules)
    newer = edited(content, lambda model: setattr(model.operatorCodes[0], "version", 3))
    assert findings(newer, ARTPEC7.rules)["A7-RESIZE"].hits[0].detail == "RESIZE_BILINEAR of version 3"


def compiled(*, after: bool = False) -> bytes:
    """What edgetpu_compiler writes: one custom op, and what it did not map behind it."""
    x, y = image(), activation("y", (1, 10))
    made = activation("made", (1, 10)) if after else y
    inside = Operator("SOFTMAX", [x], [made])
    rest = [Operator("LEAKY_RELU", [made], [y])] if after else []

    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "edgetpu-custom-op"

    return edited(file_of([x], [y], inside, *rest), change)


def test_a_compiled_file_warns_for_artpec7_and_fails_for_other_chips() -> None:
    assert {rule: found.severity for rule, found in findings(compiled(), ARTPEC7.rules).items()} == {
        "TFL-CUSTOM": Severity.WARN
    }
    for other in (ARTPEC8, ARTPEC9):
        assert findings(compiled(), other.rules)["TFL-CUSTOM"].severity is Severity.FAIL


def test_what_the_edge_tpu_compiler_left_to_the_cpu_is_told() -> None:
    (hit,) = findings(compiled(after=True), ARTPEC7.rules)["A7-CUT"].hits
    assert hit.detail == "the compiler left 1 ops to the CPU, LEAKY_RELU first"


def test_a_file_that_is_called_compiled_must_hold_the_compiled_op() -> None:
    plain = one_op(squashed("RELU", 0.05, 0))
    assert findings(plain, ARTPEC7.rules, file="m_edgetpu.tflite")["A7-COMPILED"].severity is Severity.FAIL
    assert "A7-COMPILED" not in findings(plain, ARTPEC7.rules, file="m.tflite")
    assert "A7-COMPILED" not in findings(compiled(), ARTPEC7.rules, file="m_edgetpu.tflite")


def test_a_relu_behind_a_convolution_should_be_part_of_it() -> None:
    first = conv(image(), "first", 6)
    relu = Operator("RELU", [first.output], [image("y", (1, 8, 8, 6))])
    assert "A8-RELU" in own(behind(first, relu), ARTPEC8)
    first.options.fusedActivationFunction = 1
    assert "A8-RELU" not in own(behind(first, relu), ARTPEC8)


def test_batch_normalization_that_was_not_folded_is_told() -> None:
    first = conv(image(), "first", 16)
    scaled, shifted = image("scaled"), image("y")
    times = binary("MUL", first.output, scalar(shape=(16,)), scaled)
    plus = binary("ADD", scaled, scalar(shape=(16,)), shifted)
    assert "A8-BATCH-NORM" in own(behind(first, times, plus), ARTPEC8)
    assert "A8-BATCH-NORM" not in own(behind(first, times), ARTPEC8)


@pytest.mark.parametrize(
    ("rule", "target", "most", "too_many"),
    [
        ("A7-RAM", ARTPEC7, 7000, 7100),
        ("A8-MEMORY", ARTPEC8, 21000, 22000),
        ("A9-MEMORY", ARTPEC9, 21000, 22000),
        ("A8-CACHE", ARTPEC8, 65000, 66000),
    ],
)
def test_models_beyond_what_was_tried_warn(rule: str, target: Target, most: int, too_many: int) -> None:
    """1024 weights and a bias of four bytes for each channel."""
    x = image(shape=(1, 1, 1, 1024))
    assert rule not in of(conv(x, "y", most, (1, 1)), target)
    assert rule in of(conv(x, "y", too_many, (1, 1)), target)


@pytest.mark.parametrize(
    ("shape", "fits"), [((1, 360, 640, 3), True), ((1, 225, 300, 3), False), ((1, 2, 8, 3), False)]
)
def test_images_that_the_scaler_of_artpec8_does_not_make_warn(shape: Sequence[int], fits: bool) -> None:
    assert ("A8-ACE" not in of(conv(image(shape=shape), "y", 6), ARTPEC8)) is fits
