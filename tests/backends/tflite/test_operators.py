"""Every entry of the table, proven on one-operator models: int8 against float, on TFLite's own kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.quantization import Override, Recipe
from dlpuconv.scheme import Coding, Granularity
from dlpuconv_backends.flatbuffer import Graph, Tensor
from dlpuconv_backends.tflite.operators import SPECS
from tests.backends.tflite.models import (
    PER_CHANNEL,
    PER_TENSOR,
    PLAIN,
    UINT8,
    activation,
    constant,
    graph_of,
    quantized,
    run,
    run_quantized,
    sqnr_db,
)

RNG = np.random.default_rng(7)
WEIGHTS = np.random.default_rng(8).normal(0, 0.3, (64, 64)).astype(np.float32)
type Draw = Callable[[tuple[int, ...]], npt.NDArray[Any]]


def normal(shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return RNG.uniform(-2.0, 2.5, shape).astype(np.float32)


def wide(shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return RNG.uniform(-6, 6, shape).astype(np.float32)


def positive(shape: tuple[int, ...]) -> npt.NDArray[Any]:
    return RNG.uniform(0.5, 4, shape).astype(np.float32)


def weights(*shape: int) -> npt.NDArray[Any]:
    return np.resize(WEIGHTS, shape)


@dataclass(frozen=True)
class Case:
    """A float graph of one operator, and what to feed it."""

    graph: Graph
    draw: Draw = normal
    least_db: float = 30.0
    exact: bool = field(default=False)


def conv(groups: int = 1, activation_function: int = 0) -> Graph:
    options = schema.Conv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = activation_function
    filters, bias = constant("w", weights(8, 3, 3, 8 // groups)), constant("b", weights(8))
    return graph_of("CONV_2D", [activation("x", 1, 8, 8, 8), filters, bias], [activation("y", 1, 8, 8, 8)], options)


def depthwise() -> Graph:
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.depthMultiplier = 1
    inputs = [activation("x", 1, 8, 8, 8), constant("w", weights(1, 3, 3, 8)), constant("b", weights(8))]
    return graph_of("DEPTHWISE_CONV_2D", inputs, [activation("y", 1, 8, 8, 8)], options)


def transpose_conv(bias: bool = True) -> Graph:
    options = schema.TransposeConvOptionsT()
    options.strideH = options.strideW = 2
    inputs = [
        constant("shape", [1, 16, 16, 4], np.int32),
        constant("w", weights(4, 3, 3, 8)),
        activation("x", 1, 8, 8, 8),
        *([constant("b", weights(4))] if bias else []),
    ]
    return graph_of("TRANSPOSE_CONV", inputs, [activation("y", 1, 16, 16, 4)], options)


def fully_connected(bias: bool = True, keep: bool = False) -> Graph:
    options = schema.FullyConnectedOptionsT()
    options.keepNumDims = keep
    x, y = (
        (activation("x", 1, 5, 16), activation("y", 1, 5, 8))
        if keep
        else (activation("x", 4, 16), activation("y", 4, 8))
    )
    return graph_of(
        "FULLY_CONNECTED", [x, constant("w", weights(8, 16)), constant("b", weights(8)) if bias else None], [y], options
    )


def batch_matmul() -> Graph:
    inputs = [activation("x", 1, 2, 8, 16), activation("z", 1, 2, 16, 8)]
    return graph_of("BATCH_MATMUL", inputs, [activation("y", 1, 2, 8, 8)], schema.BatchMatMulOptionsT())


def unary(
    kind: str, options: object = None, shape: tuple[int, ...] = (1, 4, 4, 8), out: tuple[int, ...] | None = None
) -> Graph:
    return graph_of(kind, [activation("x", *shape)], [activation("y", *(out or shape))], options)


def binary(kind: str, options: object = None, second: Tensor | None = None) -> Graph:
    second = second or activation("z", 1, 4, 4, 8)
    return graph_of(kind, [activation("x", 1, 4, 4, 8), second], [activation("y", 1, 4, 4, 8)], options)


def indexed(
    kind: str, index: object, out: tuple[int, ...], options: object = None, shape: tuple[int, ...] = (1, 4, 4, 8)
) -> Graph:
    inputs = [activation("x", *shape), *(constant(f"i{n}", i, np.int32) for n, i in enumerate(index))]  # type: ignore[var-annotated,arg-type]
    return graph_of(kind, inputs, [activation("y", *out)], options)


def pool(kind: str, activation_function: int = 0) -> Graph:
    options = schema.Pool2DOptionsT()
    options.strideH = options.strideW = options.filterHeight = options.filterWidth = 2
    options.fusedActivationFunction = activation_function
    return unary(kind, options, out=(1, 2, 2, 8))


def reducer(kind: str, keep: bool = True) -> Graph:
    options = schema.ReducerOptionsT()
    options.keepDims = keep
    return indexed(kind, [[1, 2]], (1, 1, 1, 8) if keep else (1, 8), options)


def with_(options: object, **values: object) -> object:
    for name, value in values.items():
        setattr(options, name, value)
    return options


def concat(parts: int = 2) -> Graph:
    options = with_(schema.ConcatenationOptionsT(), axis=3)
    return graph_of(
        "CONCATENATION",
        [activation(f"x{i}", 1, 4, 4, 8) for i in range(parts)],
        [activation("y", 1, 4, 4, 8 * parts)],
        options,
    )


def split(kind: str) -> Graph:
    outs = [activation("y", 1, 4, 4, 4), activation("y2", 1, 4, 4, 4)]
    x = activation("x", 1, 4, 4, 8)
    if kind == "SPLIT":
        return graph_of(kind, [constant("a", 3, np.int32), x], outs, with_(schema.SplitOptionsT(), numSplits=2))
    return graph_of(
        kind,
        [x, constant("s", [4, 4], np.int32), constant("a", 3, np.int32)],
        outs,
        with_(schema.SplitVOptionsT(), numSplits=2),
    )


def select(kind: str, options: object) -> Graph:
    condition = constant("c", RNG.random((1, 4, 4, 8)) > 0.5, np.bool_)
    return graph_of(
        kind,
        [condition, activation("x", 1, 4, 4, 8), activation("z", 1, 4, 4, 8)],
        [activation("y", 1, 4, 4, 8)],
        options,
    )


def softmax_options() -> object:
    return with_(schema.SoftmaxOptionsT(), beta=1.0)


def strided() -> Graph:
    return indexed(
        "STRIDED_SLICE", [[0, 0, 1, 0], [1, 4, 4, 8], [1, 2, 1, 1]], (1, 2, 3, 8), schema.StridedSliceOptionsT()
    )


CASES: dict[str, Case] = {
    "CONV_2D": Case(conv()),
    "CONV_2D with RELU6": Case(conv(activation_function=3)),
    "CONV_2D in groups": Case(conv(groups=2)),
    "DEPTHWISE_CONV_2D": Case(depthwise()),
    "TRANSPOSE_CONV": Case(transpose_conv()),
    "TRANSPOSE_CONV without bias": Case(transpose_conv(bias=False)),
    "FULLY_CONNECTED": Case(fully_connected()),
    "FULLY_CONNECTED without bias": Case(fully_connected(bias=False)),
    "FULLY_CONNECTED of rank 3": Case(fully_connected(keep=True)),
    "BATCH_MATMUL": Case(batch_matmul()),
    "ADD": Case(binary("ADD", schema.AddOptionsT())),
    "ADD of a constant": Case(binary("ADD", schema.AddOptionsT(), constant("c", weights(8)))),
    "SUB": Case(binary("SUB", schema.SubOptionsT())),
    "MUL": Case(binary("MUL", schema.MulOptionsT())),
    "MUL by a negative scalar": Case(binary("MUL", schema.MulOptionsT(), constant("c", -2.5))),
    "SQUARED_DIFFERENCE": Case(binary("SQUARED_DIFFERENCE", schema.SquaredDifferenceOptionsT()), least_db=28),
    "MAXIMUM": Case(binary("MAXIMUM", schema.MaximumMinimumOptionsT())),
    "MINIMUM": Case(binary("MINIMUM", schema.MaximumMinimumOptionsT())),
    "MAXIMUM with a scalar": Case(binary("MAXIMUM", schema.MaximumMinimumOptionsT(), constant("c", 0.5))),
    "MINIMUM with a scalar": Case(binary("MINIMUM", schema.MaximumMinimumOptionsT(), constant("c", 0.5))),
    "MEAN": Case(reducer("MEAN"), least_db=28),
    "MEAN without the axes": Case(reducer("MEAN", keep=False), least_db=28),
    "SUM": Case(reducer("SUM"), least_db=28),
    "REDUCE_MAX": Case(reducer("REDUCE_MAX")),
    "REDUCE_MIN": Case(reducer("REDUCE_MIN")),
    "RELU": Case(unary("RELU")),
    "RELU6": Case(unary("RELU6"), wide),
    "RELU_N1_TO_1": Case(unary("RELU_N1_TO_1")),
    "RELU_0_TO_1": Case(unary("RELU_0_TO_1")),
    "LEAKY_RELU": Case(unary("LEAKY_RELU", with_(schema.LeakyReluOptionsT(), alpha=0.1))),
    "PRELU": Case(binary("PRELU", None, constant("a", np.abs(weights(1, 1, 8))))),
    "HARD_SWISH": Case(unary("HARD_SWISH", schema.HardSwishOptionsT()), wide),
    "ELU": Case(unary("ELU")),
    "GELU": Case(unary("GELU", schema.GeluOptionsT())),
    "EXP": Case(unary("EXP", schema.ExpOptionsT()), least_db=28),
    "LOG": Case(unary("LOG"), positive),
    "SQRT": Case(unary("SQRT"), positive),
    "RSQRT": Case(unary("RSQRT"), positive, least_db=28),
    "ABS": Case(unary("ABS", schema.AbsOptionsT())),
    "LOGISTIC": Case(unary("LOGISTIC"), wide),
    "TANH": Case(unary("TANH")),
    "SOFTMAX": Case(unary("SOFTMAX", softmax_options()), wide, least_db=28),
    "SOFTMAX of rank 2": Case(unary("SOFTMAX", softmax_options(), (1, 10)), wide, least_db=28),
    "LOG_SOFTMAX": Case(unary("LOG_SOFTMAX", schema.LogSoftmaxOptionsT(), (1, 10)), wide),
    "L2_NORMALIZATION": Case(unary("L2_NORMALIZATION", schema.L2NormOptionsT())),
    "RESHAPE": Case(indexed("RESHAPE", [[1, 128]], (1, 128)), exact=True),
    "TRANSPOSE": Case(indexed("TRANSPOSE", [[0, 3, 1, 2]], (1, 8, 4, 4)), exact=True),
    "SQUEEZE": Case(unary("SQUEEZE", with_(schema.SqueezeOptionsT(), squeezeDims=[0]), out=(4, 4, 8)), exact=True),
    "EXPAND_DIMS": Case(indexed("EXPAND_DIMS", [0], (1, 1, 4, 4, 8)), exact=True),
    "SPACE_TO_DEPTH": Case(
        unary("SPACE_TO_DEPTH", with_(schema.SpaceToDepthOptionsT(), blockSize=2), out=(1, 2, 2, 32)), exact=True
    ),
    "DEPTH_TO_SPACE": Case(
        unary("DEPTH_TO_SPACE", with_(schema.DepthToSpaceOptionsT(), blockSize=2), out=(1, 8, 8, 2)), exact=True
    ),
    "SPACE_TO_BATCH_ND": Case(indexed("SPACE_TO_BATCH_ND", [[2, 2], [[0, 0], [0, 0]]], (4, 2, 2, 8)), exact=True),
    "BATCH_TO_SPACE_ND": Case(
        indexed("BATCH_TO_SPACE_ND", [[2, 2], [[0, 0], [0, 0]]], (1, 8, 8, 8), shape=(4, 4, 4, 8)), exact=True
    ),
    "REVERSE_V2": Case(indexed("REVERSE_V2", [[1]], (1, 4, 4, 8)), exact=True),
    "TILE": Case(indexed("TILE", [[1, 2, 1, 1]], (1, 8, 4, 8)), exact=True),
    "BROADCAST_TO": Case(indexed("BROADCAST_TO", [[1, 4, 4, 8]], (1, 4, 4, 8), shape=(1, 1, 1, 8)), exact=True),
    "PAD": Case(indexed("PAD", [[[0, 0], [1, 1], [1, 2], [0, 0]]], (1, 6, 7, 8)), exact=True),
    "PADV2": Case(
        graph_of(
            "PADV2",
            [
                activation("x", 1, 4, 4, 8),
                constant("p", [[0, 0], [1, 1], [1, 1], [0, 0]], np.int32),
                constant("v", 2.0),
            ],
            [activation("y", 1, 6, 6, 8)],
        )
    ),
    "MIRROR_PAD": Case(
        indexed("MIRROR_PAD", [[[0, 0], [1, 1], [1, 1], [0, 0]]], (1, 6, 6, 8), schema.MirrorPadOptionsT()), exact=True
    ),
    "RESIZE_NEAREST_NEIGHBOR": Case(
        indexed(
            "RESIZE_NEAREST_NEIGHBOR",
            [[8, 8]],
            (1, 8, 8, 8),
            with_(schema.ResizeNearestNeighborOptionsT(), halfPixelCenters=True),
        ),
        exact=True,
    ),
    "RESIZE_BILINEAR": Case(
        indexed(
            "RESIZE_BILINEAR", [[8, 8]], (1, 8, 8, 8), with_(schema.ResizeBilinearOptionsT(), halfPixelCenters=True)
        )
    ),
    "SLICE": Case(indexed("SLICE", [[0, 1, 0, 0], [1, 2, 4, 8]], (1, 2, 4, 8)), exact=True),
    "STRIDED_SLICE": Case(strided(), exact=True),
    "GATHER": Case(indexed("GATHER", [[3, 1]], (1, 4, 4, 2), with_(schema.GatherOptionsT(), axis=3)), exact=True),
    "GATHER_ND": Case(indexed("GATHER_ND", [[[0, 1], [0, 3]]], (2, 4, 8)), exact=True),
    "SPLIT": Case(split("SPLIT"), exact=True),
    "SPLIT_V": Case(split("SPLIT_V"), exact=True),
    "UNPACK": Case(
        graph_of(
            "UNPACK",
            [activation("x", 2, 4, 8)],
            [activation("y", 4, 8), activation("y2", 4, 8)],
            with_(schema.UnpackOptionsT(), num=2, axis=0),
        ),
        exact=True,
    ),
    "TOPK_V2": Case(
        graph_of(
            "TOPK_V2",
            [activation("x", 4, 8), constant("k", 3, np.int32)],
            [activation("y", 4, 3), activation("i", 4, 3, dtype=np.int32)],
        ),
    ),
    "MAX_POOL_2D": Case(pool("MAX_POOL_2D")),
    "AVERAGE_POOL_2D": Case(pool("AVERAGE_POOL_2D")),
    "AVERAGE_POOL_2D with RELU": Case(pool("AVERAGE_POOL_2D", 1)),
    "CONCATENATION": Case(concat()),
    "PACK": Case(
        graph_of(
            "PACK",
            [activation("x", 4, 8), activation("z", 4, 8)],
            [activation("y", 2, 4, 8)],
            with_(schema.PackOptionsT(), valuesCount=2, axis=0),
        ),
    ),
    "SELECT": Case(select("SELECT", schema.SelectOptionsT())),
    "SELECT_V2": Case(select("SELECT_V2", schema.SelectV2OptionsT())),
    "DYNAMIC_UPDATE_SLICE": Case(
        graph_of(
            "DYNAMIC_UPDATE_SLICE",
            [activation("x", 4, 8), activation("z", 2, 8), constant("at", [1, 0], np.int32)],
            [activation("y", 4, 8)],
        )
    ),
    "FILL": Case(graph_of("FILL", [constant("d", [2, 3], np.int32), constant("v", 1.5)], [activation("y", 2, 3)])),
    "ONE_HOT": Case(
        graph_of(
            "ONE_HOT",
            [constant("i", [1, 0], np.int32), constant("d", 3, np.int32), constant("on", 1.5), constant("off", -0.5)],
            [activation("y", 2, 3)],
            with_(schema.OneHotOptionsT(), axis=-1),
        )
    ),
}
WITH_WEIGHTS = [name for name, case in CASES.items() if SPECS[case.graph.operators[0].kind].weighted]


def samples_of(case: Case, count: int = 24) -> list[dict[str, npt.NDArray[Any]]]:
    return [{t.name: case.draw(t.shape) for t in case.graph.inputs} for _ in range(count)]


def worst_db(case: Case, recipe: object = PER_CHANNEL) -> float:
    made = quantized(case.graph, samples_of(case), recipe)  # type: ignore[arg-type]
    assert all(t.dtype != np.float32 for t in made.graph.tensors())
    expected, found = [], []
    for feed in samples_of(case, 8):
        expected.append(run(case.graph, feed))
        found.append(run_quantized(made.graph, feed))
    outputs = [t.name for t in case.graph.outputs if t.dtype == np.float32]
    return min(sqnr_db(np.stack([e[n] for e in expected]), np.stack([f[n] for f in found])) for n in outputs)


@pytest.mark.parametrize("name", CASES)
def test_the_int8_form_of_an_operator_is_as_good_as_eight_bits_are(name: str) -> None:
    assert worst_db(CASES[name]) >= CASES[name].least_db


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_a_layer_works_with_one_weight_scale_for_all_its_channels_too(name: str) -> None:
    assert worst_db(CASES[name], PER_TENSOR) >= 28


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case.exact])
def test_an_operator_that_only_moves_values_moves_codes_exactly(name: str) -> None:
    case = CASES[name]
    made = quantized(case.graph, samples_of(case))
    feed = {t.name: np.rint(case.draw(t.shape) * 20).astype(np.int8) for t in made.graph.inputs}
    (found, *_) = run(made.graph, feed).values()
    (expected, *_) = run(case.graph, {n: v.astype(np.float32) for n, v in feed.items()}).values()
    zero_point = made.scale(case.graph.inputs[0]).zero_point
    padded = case.graph.operators[0].kind == "PAD"
    assert np.array_equal(found, np.where(expected == 0, zero_point, expected) if padded else expected)


@pytest.mark.parametrize("name", [n for n in WITH_WEIGHTS if n.startswith("FULLY")])
def test_a_fully_connected_layer_takes_several_scales_where_an_override_asks(name: str) -> None:
    recipe = Recipe(granularity=Granularity.PER_TENSOR, overrides=(Override("node", Granularity.PER_CHANNEL),))
    assert worst_db(CASES[name], recipe) >= 30


READS = ["EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"]


@pytest.mark.parametrize("kind", READS)
def test_a_comparison_rescales_its_operands(kind: str) -> None:
    x, z = activation("x", 1, 4, 4, 8), activation("z", 1, 4, 4, 8)
    graph = graph_of(kind, [x, z], [activation("y", 1, 4, 4, 8, dtype=np.bool_)])
    apart = [{"x": normal(x.shape), "z": 4 * normal(z.shape) + 0.31} for _ in range(8)]
    made = quantized(graph, apart)
    feed = apart[0]
    clear = np.abs(feed["x"] - feed["z"]) > 0.1  # closer values may have the same code
    assert made.graph.outputs[0].dtype == np.bool_
    assert (run_quantized(made.graph, feed)["y"] == run(graph, feed)["y"])[clear].all()


@pytest.mark.parametrize("bound", [1.0, 200.0])
@pytest.mark.parametrize("kind", READS)
def test_a_comparison_with_a_whole_number_has_a_scale_that_its_kernel_survives(kind: str, bound: float) -> None:
    x = activation("x", 1, 16)
    graph = graph_of(kind, [x, constant("bound", [bound])], [activation("y", 1, 16, dtype=np.bool_)])
    feed = {"x": bound * np.linspace(0, 1.2, 16, dtype=np.float32)[None]}
    assert (run_quantized(quantized(graph, [feed]).graph, feed)["y"] == run(graph, feed)["y"]).all()


@pytest.mark.parametrize("kind", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_an_index_of_the_largest_value_keeps_its_integer_type(kind: str, dtype: type) -> None:
    x = activation("x", 1, 16)
    options = schema.ArgMaxOptionsT() if kind == "ARG_MAX" else schema.ArgMinOptionsT()
    options.outputType = schema.TensorType.INT32 if dtype is np.int32 else schema.TensorType.INT64
    graph = graph_of(kind, [x, constant("axis", 1, np.int32)], [activation("y", 1, dtype=dtype)], options)
    values = RNG.permutation(16).astype(np.float32)[None]
    made = quantized(graph, [{"x": values}], interface=UINT8)
    assert made.graph.outputs[0].dtype == dtype
    assert run_quantized(made.graph, {"x": values})["y"] == run(graph, {"x": values})["y"]


def test_every_entry_of_the_table_is_proven_here() -> None:
    proven = {case.graph.operators[0].kind for case in CASES.values()} | {*READS, "ARG_MAX", "ARG_MIN"}
    assert set(SPECS) - proven == {"QUANTIZE"}  # which every graph with uint8 ends holds


def test_outputs_whose_scale_a_kernel_prescribes_have_it() -> None:
    for case in CASES.values():
        fixed = SPECS[case.graph.operators[0].kind].meaning.fixed
        if fixed is not None:
            made = quantized(case.graph, samples_of(case, 2))
            assert made.scale(case.graph.outputs[0]) == fixed


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_a_layer_works_with_weights_in_powers_of_two_and_of_seven_bits(name: str) -> None:
    codes = Coding(symmetric=True, power_of_two=True, reduce_range=True)
    made = quantized(CASES[name].graph, samples_of(CASES[name]), scheme=replace(PLAIN, weight_codes=codes))
    (feed,) = samples_of(CASES[name], 1)
    weights = next(t for t in made.graph.tensors() if t.dtype == np.int8 and t.is_constant)
    assert weights.data is not None
    assert weights.quantization is not None
    assert 32 <= np.abs(weights.data).max() <= 63
    assert set(np.frexp(weights.quantization.scales)[0]) == {0.5}
    expected, found = run(CASES[name].graph, feed), run_quantized(made.graph, feed)
    assert min(sqnr_db(values, found[key]) for key, values in expected.items()) > 20


def test_activations_in_powers_of_two_are_as_good_as_a_bit_less() -> None:
    graph, feed = CASES["CONV_2D"].graph, samples_of(CASES["CONV_2D"])
    made = quantized(graph, feed, scheme=replace(PLAIN, activation_codes=Coding(power_of_two=True)))
    assert np.frexp(made.scale(graph.outputs[0]).scale)[0] == 0.5
    assert sqnr_db(run(graph, feed[0])["y"], run_quantized(made.graph, feed[0])["y"]) > 24
