"""Every operator that is read computes in ONNX Runtime what LiteRT's kernel computes, in either layout."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.frontends.tflite.table import READERS
from dlpuconv.passes.normal_form import normalize
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.frontends.tflite.files import behind_convolution, both, imported, real
from tests.verification.tflite_models import constant, file_of, options, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

X, PLANE, ROW = (1, 6, 8, 4), (1, 8, 4), (1, 12)
_CLOSE = 110.0  # dB; ONNX Runtime and LiteRT add in another order


def one(kind: str, shape: tuple[int, ...] = X, table: str = "", **fields: Any) -> Operator:
    """An operator of one input, whose output has the same shape."""
    return op(kind, [plain("x", shape)], shape, table, **fields)


def op(kind: str, inputs: Sequence[Tensor | None], out: tuple[int, ...], table: str = "", **fields: Any) -> Operator:
    """An operator of one output."""
    dtype = fields.pop("dtype", "float32")
    return Operator(kind, list(inputs), [plain("y", out, dtype)], options(table, **fields) if table else None)


def two(kind: str, first: tuple[int, ...], second: Tensor, table: str = "", **fields: Any) -> Operator:
    """An operator of an input and another operand."""
    out = tuple(np.broadcast_shapes(first, second.shape))
    return op(kind, [plain("x", first), second], out, table, **fields)


def several(
    kind: str, inputs: Sequence[Tensor | None], outs: list[tuple[int, ...]], table: str, **fields: Any
) -> Operator:
    """An operator of several outputs; the last may be indices."""
    dtypes = fields.pop("dtypes", ["float32"] * len(outs))
    made = [plain(f"y{i}", shape, dtype) for i, (shape, dtype) in enumerate(zip(outs, dtypes, strict=True))]
    return Operator(kind, list(inputs), made, options(table, **fields))


def positive(kind: str, table: str = "") -> Operator:
    """A function that is only of positive numbers, of 2 to the power of one."""
    return op(kind, [Tensor.constant("c", np.array(2.0, np.float32)), plain("x", X)], X, table)


def ints(*numbers: Any) -> Tensor:
    return constant("c", np.array(numbers))


def first_image(operator: Operator) -> Tensor | None:
    """The first computed input, if a layer could have made it."""
    first = next(tensor for tensor in operator.inputs if tensor is not None and not tensor.is_constant)
    return first if first.dtype == np.float32 and len(first.shape) == len(X) else None


def scalar(number: int, name: str = "s") -> Tensor:
    return constant(name, np.array(number))


def conv(kernel: tuple[int, int], out: tuple[int, ...], depth: int = 4, **fields: Any) -> Operator:
    weights = [real("w", out[-1], *kernel, depth), real("b", out[-1])]
    return op("CONV_2D", [plain("x", X), *weights], out, "Conv2D", **{"strideH": 1, "strideW": 1, **fields})


def depthwise(times: int, out: tuple[int, ...], **fields: Any) -> Operator:
    weights = [real("w", 1, 3, 3, 4 * times), real("b", 4 * times)]
    chosen = {"strideH": 1, "strideW": 1, "depthMultiplier": times, **fields}
    return op("DEPTHWISE_CONV_2D", [plain("x", X), *weights], out, "DepthwiseConv2D", **chosen)


def deconv(kernel: tuple[int, int], out: tuple[int, ...], *, bias: bool = True, **fields: Any) -> Operator:
    inputs = [ints(*out), real("w", out[-1], *kernel, 4), plain("x", X), *([real("b", out[-1])] if bias else [])]
    return op("TRANSPOSE_CONV", inputs, out, "TransposeConv", **fields)


def dense(shape: tuple[int, ...], depth: int, out: tuple[int, ...], *, bias: bool = True, **fields: Any) -> Operator:
    inputs = [plain("x", shape), real("w", out[-1], depth), real("b", out[-1]) if bias else None]
    return op("FULLY_CONNECTED", inputs, out, "FullyConnected", **fields)


def pool(kind: str, kernel: tuple[int, int], out: tuple[int, ...], **fields: Any) -> Operator:
    chosen = {"strideH": 2, "strideW": 2, "filterHeight": kernel[0], "filterWidth": kernel[1], **fields}
    return op(kind, [plain("x", X)], out, "Pool2D", **chosen)


def reduce(kind: str, axes: list[int], out: tuple[int, ...], *, keep: bool = False) -> Operator:
    return op(kind, [plain("x", X), ints(*axes)], out, "Reducer", keepDims=keep)


def resize(kind: str, size: tuple[int, int], **fields: Any) -> Operator:
    table = "ResizeBilinear" if kind == "RESIZE_BILINEAR" else "ResizeNearestNeighbor"
    return op(kind, [plain("x", X), ints(*size)], (1, *size, 4), table, **fields)


def strided(
    begin: list[int], end: list[int], stride: list[int], out: tuple[int, ...], shape: tuple[int, ...] = X, **fields: Any
) -> Operator:
    inputs = [plain("x", shape), *(constant(n, v) for n, v in (("b", begin), ("e", end), ("s", stride)))]
    return op("STRIDED_SLICE", inputs, out, "StridedSlice", **fields)


def pads(kind: str, amounts: list[list[int]], *more: Tensor, table: str = "Pad", **fields: Any) -> Operator:
    out = tuple(extent + sum(amount) for extent, amount in zip(X, amounts, strict=True))
    return op(kind, [plain("x", X), ints(*amounts), *more], out, table, **fields)


def whole(name: str, *shape: int, dtype: str = "int32") -> Tensor:
    return plain(name, shape, dtype)


SAME, VALID = 0, 1
BOOL = {"dtype": "bool"}
CASES: list[Operator] = [
    *(one(kind, X) for kind in ("ABS", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "TANH", "LOGISTIC", "FLOOR",
                                "CEIL", "ELU", "HARD_SWISH", "SIN")),
    one("COS", X, "Cos"), one("EXP", X, "Exp"), one("NEG", X, "Neg"), one("SQUARE", X, "Square"), one("ROUND", ROW),
    one("SIGN", ROW, "Sign"), one("GELU", X, "Gelu"), one("GELU", X, "Gelu", approximate=True),
    one("LEAKY_RELU", X, "LeakyRelu", alpha=0.125), one("RELU", ROW),
    *(one(kind, shape, table) for kind, table in (("SOFTMAX", "Softmax"), ("LOG_SOFTMAX", "LogSoftmax"))
      for shape in (X, ROW) if kind != "SOFTMAX"),
    *(one("SOFTMAX", shape, "Softmax", beta=beta) for shape in (X, ROW) for beta in (1.0, 0.5)),
    one("L2_NORMALIZATION", X, "L2Norm"), one("L2_NORMALIZATION", ROW, "L2Norm"),
    one("LOCAL_RESPONSE_NORMALIZATION", X, "LocalResponseNormalization", radius=1, bias=1.0, alpha=0.5, beta=0.75),
    two("PRELU", X, real("a", 1, 1, 4)), two("PRELU", X, real("a", 6, 8, 4)),
    *(two(kind, X, second, table)
      for kind, table in (("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul"), ("DIV", "Div"),
                          ("MAXIMUM", "MaximumMinimum"), ("MINIMUM", "MaximumMinimum"),
                          ("SQUARED_DIFFERENCE", "SquaredDifference"), ("FLOOR_DIV", "FloorDiv"))
      for second in (real("c", 4), real("c", 1, 1, 8, 1), plain("z", X))),
    two("ADD", X, Tensor.constant("c", np.array(0.5, np.float32)), "Add", fusedActivationFunction=1),
    two("ADD", X, plain("z", (1, 1, 1, 4)), "Add", fusedActivationFunction=3),
    two("MUL", X, plain("z", (8, 4)), "Mul", fusedActivationFunction=1), two("MUL", (1, 1, 4), plain("z", X), "Mul"),
    two("SUB", X, plain("z", (1,)), "Sub", fusedActivationFunction=2), two("FLOOR_MOD", X, real("c", 1), "FloorMod"),
    *(two(kind, X, plain("z", (1, 1, 1, 4)), table, **BOOL)
      for kind, table in (("LESS", "Less"), ("LESS_EQUAL", "LessEqual"), ("GREATER", "Greater"), ("EQUAL", "Equal"),
                          ("GREATER_EQUAL", "GreaterEqual"), ("NOT_EQUAL", "NotEqual"))),
    *(op(kind, [whole("x", *X, dtype="bool"), whole("z", *X, dtype="bool")], X, table, **BOOL)
      for kind, table in (("LOGICAL_AND", "LogicalAnd"), ("LOGICAL_OR", "LogicalOr"))),
    op("LOGICAL_NOT", [whole("x", *X, dtype="bool")], X, "LogicalNot", **BOOL),
    op("SELECT", [whole("c", *X, dtype="bool"), plain("x", X), plain("z", X)], X, "Select"),
    op("SELECT_V2", [whole("c", 1, 1, 8, 1, dtype="bool"), plain("x", X), plain("z", X)], X, "SelectV2"),
    op("CAST", [plain("x", X)], X, "Cast", dtype="int32", outDataType=2),
    op("ADD_N", [plain("x", X), plain("z", X), plain("q", X)], X, "AddN"),
    positive("POW", "Pow"),
    conv((3, 3), (1, 6, 8, 5)), conv((3, 2), (1, 3, 4, 5), strideH=2, strideW=2),
    conv((3, 3), (1, 4, 6, 5), padding=VALID, fusedActivationFunction=1), conv((2, 3), (1, 6, 8, 2), 2),
    conv((3, 3), (1, 6, 8, 5), dilationHFactor=2, dilationWFactor=3), conv((5, 5), (1, 2, 3, 6), strideH=3, strideW=3),
    depthwise(1, (1, 6, 8, 4)), depthwise(3, (1, 3, 4, 12), strideH=2, strideW=2, fusedActivationFunction=3),
    depthwise(1, (1, 2, 4, 4), padding=VALID, dilationHFactor=2, dilationWFactor=2),
    deconv((3, 3), (1, 12, 16, 5), strideH=2, strideW=2), deconv((2, 2), (1, 12, 16, 5), strideH=2, strideW=2),
    deconv((3, 3), (1, 13, 17, 5), padding=VALID, strideH=2, strideW=2, bias=False),
    deconv((4, 4), (1, 11, 15, 3), strideH=2, strideW=2), deconv((2, 2), (1, 18, 24, 3), strideH=3, strideW=3),
    dense(ROW, 12, (1, 5)), dense((1, 2, 6), 12, (1, 5)), dense((1, 2, 6), 6, (1, 2, 5), keepNumDims=True),
    dense((1, 2, 6), 6, (1, 2, 5), keepNumDims=True, bias=False), dense(X, 192, (1, 3), fusedActivationFunction=1),
    dense(ROW, 12, (1, 5), bias=False), dense(X, 4, (48, 3)), dense(ROW, 6, (2, 5)),
    op("BATCH_MATMUL", [plain("x", (1, 3, 4)), plain("z", (1, 4, 2))], (1, 3, 2), "BatchMatMul"),
    op("BATCH_MATMUL", [plain("x", (1, 3, 4)), plain("z", (1, 2, 4))], (1, 3, 2), "BatchMatMul", adjY=True),
    op("BATCH_MATMUL", [plain("x", (1, 2, 4, 3)), real("c", 1, 2, 4, 5)], (1, 2, 3, 5), "BatchMatMul", adjX=True),
    pool("AVERAGE_POOL_2D", (3, 3), (1, 3, 4, 4)), pool("AVERAGE_POOL_2D", (3, 2), (1, 2, 4, 4), padding=VALID),
    pool("MAX_POOL_2D", (3, 3), (1, 3, 4, 4), fusedActivationFunction=1), pool("L2_POOL_2D", (3, 3), (1, 3, 4, 4)),
    pool("MAX_POOL_2D", (2, 2), (1, 3, 4, 4), padding=VALID),
    *(reduce(kind, [1, 2], (1, 4)) for kind in ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD")),
    reduce("MEAN", [1, 2], (1, 1, 1, 4), keep=True), reduce("MEAN", [-1], (1, 6, 8)), reduce("SUM", [1], (1, 8, 4)),
    reduce("REDUCE_MAX", [3], (1, 6, 8, 1), keep=True), reduce("SUM", [2], (1, 6, 1, 4), keep=True),
    reduce("SUM", [], X), reduce("REDUCE_MAX", [], X, keep=True),
    op("REDUCE_ANY", [whole("x", *X, dtype="bool"), ints()], X, "Reducer", **BOOL),
    *(op(kind, [whole("x", *X, dtype="bool"), ints(3)], (1, 6, 8), "Reducer", **BOOL)
      for kind in ("REDUCE_ANY", "REDUCE_ALL")),
    op("ARG_MAX", [plain("x", X), scalar(3)], (1, 6, 8), "ArgMax", dtype="int32", outputType=2),
    op("ARG_MIN", [plain("x", ROW), scalar(-1)], (1,), "ArgMin", dtype="int64", outputType=4),
    several("TOPK_V2", [plain("x", ROW), scalar(3)], [(1, 3), (1, 3)], "TopKV2", dtypes=["float32", "int32"]),
    op("CUMSUM", [plain("x", ROW), scalar(1)], ROW, "Cumsum"),
    op("CUMSUM", [plain("x", ROW), scalar(1)], ROW, "Cumsum", exclusive=True, reverse=True),
    *(resize(kind, size, alignCorners=corners, halfPixelCenters=centers)
      for kind in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR") for size in ((12, 16), (4, 5), (9, 20))
      for corners, centers in ((False, False), (True, False), (False, True))),
    op("DEPTH_TO_SPACE", [plain("x", (1, 3, 2, 12))], (1, 6, 4, 3), "DepthToSpace", blockSize=2),
    op("SPACE_TO_DEPTH", [plain("x", X)], (1, 3, 4, 16), "SpaceToDepth", blockSize=2),
    op("SPACE_TO_BATCH_ND", [plain("x", X), ints(2, 2), constant("p", [[1, 1], [0, 2]])], (4, 4, 5, 4),
       "SpaceToBatchND"),
    op("RESHAPE", [plain("x", X), ints(1, -1)], (1, 192), "Reshape"),
    op("RESHAPE", [plain("x", X)], (1, 48, 4), "Reshape", newShape=np.array([1, 48, 4], np.int32)),
    op("TRANSPOSE", [plain("x", X), ints(0, 3, 1, 2)], (1, 4, 6, 8), "Transpose"),
    op("TRANSPOSE", [plain("x", PLANE), ints(2, 0, 1)], (4, 1, 8), "Transpose"),
    op("SQUEEZE", [plain("x", (1, 1, 8, 4))], (8, 4), "Squeeze"),
    op("SQUEEZE", [plain("x", (1, 1, 8, 4))], (1, 8, 4), "Squeeze", squeezeDims=np.array([1], np.int32)),
    op("EXPAND_DIMS", [plain("x", PLANE), scalar(-1)], (1, 8, 4, 1), "ExpandDims"),
    op("CONCATENATION", [plain("x", X), plain("z", X)], (1, 6, 8, 8), "Concatenation", axis=3),
    op("CONCATENATION", [plain("x", X), real("c", *X)], (1, 12, 8, 4), "Concatenation", axis=-3),
    op("PACK", [plain("x", ROW), plain("z", ROW)], (1, 2, 12), "Pack", axis=1, valuesCount=2),
    several("UNPACK", [plain("x", X)], [(1, 6, 8)] * 4, "Unpack", axis=3, num=4),
    several("SPLIT", [scalar(3), plain("x", X)], [(1, 6, 8, 2)] * 2, "Split", numSplits=2),
    several("SPLIT_V", [plain("x", X), ints(1, -1), scalar(1)], [(1, 1, 8, 4), (1, 5, 8, 4)], "SplitV", numSplits=2),
    op("TILE", [plain("x", X), ints(1, 2, 1, 3)], (1, 12, 8, 12), "Tile"),
    op("BROADCAST_TO", [plain("x", (1, 1, 8, 1)), ints(*X)], X, "BroadcastTo"),
    op("FILL", [ints(2, 3), plain("x", ())], (2, 3), "Fill"), one("ZEROS_LIKE", ROW, "ZerosLike"),
    pads("PAD", [[0, 0], [1, 2], [0, 3], [0, 1]]),
    pads("PADV2", [[0, 0], [1, 2], [0, 0], [0, 0]], Tensor.constant("v", np.array([1.5], np.float32)), table="PadV2"),
    *(pads("MIRROR_PAD", [[0, 0], [1, 2], [2, 0], [0, 0]], table="MirrorPad", mode=mode) for mode in (0, 1)),
    op("REVERSE_V2", [plain("x", PLANE), ints(1)], PLANE, "ReverseV2"),
    op("SLICE", [plain("x", X), ints(0, 1, 2, 0), constant("z", [1, 3, -1, 2])], (1, 3, 6, 2), "Slice"),
    strided([0, 1, 2, 0], [1, 5, 8, 4], [1, 2, 3, 1], (1, 2, 2, 4)),
    strided([0, 0, 7, 0], [1, 6, 0, 4], [1, 1, -2, 1], (1, 6, 4, 4), beginMask=5, endMask=13),
    strided([0, -1, 0, 0], [1, 0, 8, 4], [1, 1, 1, 1], (1, 8, 4), shrinkAxisMask=2, beginMask=13, endMask=13),
    strided([0, 2], [1, 3], [1, 1], (1, 3), ROW, offset=True),
    strided([0, 0, 0], [0, 0, 3], [1, 1, 1], (1, 1, 6, 8, 3), ellipsisMask=2, newAxisMask=1, beginMask=4),
    strided([0, 0, 0, 1], [0, 0, 0, 3], [1, 1, 1, 1], (1, 6, 8, 2), ellipsisMask=4, newAxisMask=1, shrinkAxisMask=2),
    strided([0, 0, 0], [1, 0, 5], [1, 1, 2], (1, 6, 1, 3), (1, 6, 5), newAxisMask=4, ellipsisMask=2, beginMask=1),
    op("GATHER", [plain("x", X), ints(2, 0, 1)], (1, 6, 8, 3), "Gather", axis=3),
    op("GATHER_ND", [plain("x", PLANE), ints([0, 1], [0, 7])], (2, 4), "GatherNd"),
    op("ONE_HOT", [whole("x", 1, 5), scalar(3), Tensor.constant("on", np.array(2.0, np.float32)),
                   Tensor.constant("off", np.array(-1.0, np.float32))], (1, 5, 3), "OneHot", axis=-1),
]  # fmt: skip
POSITIVE = ("LOG", "SQRT", "RSQRT")
BY_THEMSELVES = {
    "BATCH_TO_SPACE_ND", "DEQUANTIZE", "QUANTIZE", "SHAPE", "RANK", "RANGE", "UNIDIRECTIONAL_SEQUENCE_LSTM",
}  # fmt: skip


@pytest.mark.parametrize("operator", CASES, ids=lambda operator: operator.kind)
def test_an_operator_computes_what_litert_computes(operator: Operator) -> None:
    _compare([copy.deepcopy(operator)])


@pytest.mark.parametrize(
    "operator", [case for case in CASES if first_image(case) is not None], ids=lambda operator: operator.kind
)
def test_it_does_behind_a_layer_too_whose_channels_come_first_in_onnx(operator: Operator) -> None:
    _compare(behind_convolution(copy.deepcopy(operator)))


@pytest.mark.parametrize("kind", POSITIVE)
def test_a_function_of_positive_numbers_computes_what_litert_computes(kind: str) -> None:
    x, positive = plain("x", X), plain("positive", X)
    _compare([Operator("EXP", [x], [positive], options("Exp")), Operator(kind, [positive], [plain("y", X)])])


def test_a_convolution_in_parts_computes_what_litert_computes() -> None:
    x, parts, inner = plain("x", X), plain("parts", (4, 4, 5, 4)), plain("inner", (4, 2, 3, 5))
    chosen, crops = options("Conv2D", strideH=1, strideW=1, padding=VALID), constant("c", [[0, 1], [1, 0]])
    _compare(
        [
            Operator("SPACE_TO_BATCH_ND", [x, ints(2, 2), constant("p", [[1, 1], [0, 2]])], [parts]),
            Operator("CONV_2D", [parts, real("w", 5, 3, 3, 4), real("b", 5)], [inner], chosen),
            Operator("BATCH_TO_SPACE_ND", [inner, ints(2, 2), crops], [plain("y", (1, 3, 5, 5))]),
        ]
    )


def test_every_reader_is_compared_with_litert() -> None:
    assert {case.kind for case in CASES} | {*POSITIVE, *BY_THEMSELVES} == set(READERS)


def test_shape_arithmetic_is_gone() -> None:
    x, shape, rank, up = plain("x", ROW), plain("s", (2,), "int32"), plain("r", (), "int32"), plain("u", (2,), "int32")
    content = file_of(
        [x],
        [y := plain("y", ROW)],
        Operator("SHAPE", [x], [shape], options("Shape", outType=2)),
        Operator("RANK", [x], [rank], options("Rank")),
        Operator("RANGE", [scalar(0), rank, scalar(1, "one")], [up], options("Range")),
        Operator("MUL", [up, shape], [low := plain("low", (2,), "int32")], options("Mul")),
        Operator(
            "MAXIMUM", [low, constant("c", [1, 1])], [high := plain("h", (2,), "int32")], options("MaximumMinimum")
        ),
        Operator("RESHAPE", [x, high], [y], options("Reshape")),
    )
    model, _ = normalize(imported(content))
    assert [node.op_type for node in model.graph.graph] in (["Reshape"], ["Identity"])


def _compare(operators: list[Operator]) -> None:
    made = {tensor for operator in operators for tensor in operator.outputs}
    read = dict.fromkeys(tensor for operator in operators for tensor in operator.inputs if tensor is not None)
    given = [tensor for tensor in read if not tensor.is_constant and tensor not in made]
    expected, got = both(file_of(given, operators[-1].outputs, *operators))
    for wanted, values in zip(expected, got, strict=True):
        assert (values.dtype, values.shape) == (wanted.dtype, wanted.shape)
        if wanted.dtype != np.float32:
            np.testing.assert_array_equal(values, wanted)
            continue
        noise = np.square(values.astype(np.float64) - wanted).sum()
        signal = np.square(wanted.astype(np.float64)).sum()
        assert noise <= signal * 10 ** (-_CLOSE / 10)
