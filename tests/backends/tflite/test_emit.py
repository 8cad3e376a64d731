"""The integer graph: names, ends, requantization, clamps, and the same bytes each time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, decode, encode
from dlpuconv_backends.tflite.emission import Interface
from dlpuconv_backends.tflite.versions import versions_of
from tests.backends.tflite.models import (
    INT8,
    UINT8,
    activation,
    constant,
    graph_of,
    quantized,
    run,
    run_quantized,
    sqnr_db,
)

SHAPE = (1, 4, 4, 8)
RNG = np.random.default_rng(5)


def x() -> Tensor:
    return activation("x", *SHAPE)


def samples(low: float = -2.0, high: float = 3.0, *names: str) -> list[dict[str, npt.NDArray[Any]]]:
    return [{n: RNG.uniform(low, high, SHAPE).astype(np.float32) for n in names or ("x",)} for _ in range(8)]


def leaky(x: Tensor, name: str = "y") -> Operator:
    options = schema.LeakyReluOptionsT()
    options.alpha = 0.1
    return Operator("LEAKY_RELU", [x], [activation(name, *x.shape)], options, name)


def add(a: Tensor, b: Tensor, name: str) -> Operator:
    return Operator("ADD", [a, b], [activation(name, *a.shape)], schema.AddOptionsT(), name)


def unary(kind: str, x: Tensor, name: str) -> Operator:
    return Operator(kind, [x], [activation(name, *x.shape)], None, name)


def kinds(graph: Graph) -> list[str]:
    return [op.kind for op in graph.operators]


def test_uint8_ends_have_the_source_names_the_int8_scale_and_a_zero_point_128_higher() -> None:
    op = leaky(x())
    made = quantized(Graph([op.input(0)], [op.output], [op]), samples(), interface=UINT8).graph
    assert kinds(made) == ["QUANTIZE", "LEAKY_RELU", "QUANTIZE"]
    (given,), (result,) = made.inputs, made.outputs
    inner = made.operators[1]
    assert (given.name, result.name) == ("x", "y")
    assert given.dtype == result.dtype == np.uint8
    for outer, within in ((given, inner.input(0)), (result, inner.output)):
        assert outer.quantization is not None
        assert within.quantization is not None
        assert outer.quantization.scale == within.quantization.scale
        assert outer.quantization.zero_point == within.quantization.zero_point + 128
    assert len({t.name for t in made.tensors()}) == len(made.tensors())


@pytest.mark.parametrize(
    "ends", [Interface(input_dtype=a, output_dtype=b) for a in ("int8", "uint8") for b in ("int8", "uint8")]
)
def test_every_choice_of_ends_computes_the_same(ends: Interface) -> None:
    op = leaky(x())
    graph = Graph([op.input(0)], [op.output], [op])
    data = samples()
    made = quantized(graph, data, interface=ends).graph
    assert (made.inputs[0].dtype.name, made.outputs[0].dtype.name) == (ends.input_dtype, ends.output_dtype)
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 30


def test_the_float_graph_is_left_as_it_was_and_the_bytes_are_the_same_each_time() -> None:
    a = leaky(x(), "a")
    b = add(a.output, constant("c", RNG.normal(0, 1, 8)), "y")
    graph = Graph([a.input(0)], [b.output], [a, b])
    before, data = encode(graph), samples()
    made = [quantized(graph, data, interface=UINT8).graph for _ in range(2)]
    assert encode(made[0], versions_of(made[0])) == encode(made[1], versions_of(made[1]))
    assert encode(graph) == before


def test_a_file_reads_back_as_what_was_built() -> None:
    op = leaky(x())
    made = quantized(Graph([op.input(0)], [op.output], [op]), samples(), interface=UINT8).graph
    back = decode(encode(made, versions_of(made)))
    assert [(t.name, t.dtype, t.shape) for t in back.tensors()] == [(t.name, t.dtype, t.shape) for t in made.tensors()]


def test_an_output_that_other_operators_read_keeps_its_name() -> None:
    a = leaky(x(), "a")
    b = leaky(a.output, "b")
    made = quantized(Graph([a.input(0)], [a.output, b.output], [a, b]), samples(), interface=UINT8).graph
    assert [t.name for t in made.outputs] == ["a", "b"]
    assert made.operators[2].input(0).name == "a_int8"


def test_an_input_that_is_also_an_output_passes_through_both_ends() -> None:
    op = leaky(x())
    graph = Graph([op.input(0)], [op.output, op.input(0)], [op])
    data = samples()
    made = quantized(graph, data, interface=UINT8).graph
    assert sqnr_db(data[0]["x"], as_one(run_quantized(made, data[0]), 1)) > 30


def as_one(outputs: dict[str, npt.NDArray[Any]], index: int) -> npt.NDArray[Any]:
    return list(outputs.values())[index]


def test_a_clamp_that_saturation_does_anyway_is_left_out() -> None:
    first = add(x(), constant("c", 0.5), "sum")
    clamp = unary("RELU_0_TO_1", first.output, "y")
    graph = Graph([first.input(0)], [clamp.output], [first, clamp])
    data = samples()
    made = quantized(graph, data)
    assert kinds(made.graph) == ["ADD"]
    assert made.graph.outputs[0].name == "y"
    assert [node.handle for node in made.quantized.plan.absorbed] == [clamp]
    found = run_quantized(made.graph, data[0])["y"]
    assert sqnr_db(run(graph, data[0])["y"], found) > 30
    assert found.min() == 0.0
    assert found.max() <= 1.0 + 1e-6


def test_a_clamp_whose_input_others_read_unclamped_stays() -> None:
    first = add(x(), constant("c", 0.5), "sum")
    clamp, other = unary("RELU", first.output, "y"), leaky(first.output, "z")
    graph = Graph([first.input(0)], [clamp.output, other.output], [first, clamp, other])
    data = samples()
    made = quantized(graph, data).graph
    assert kinds(made) == ["ADD", "RELU", "LEAKY_RELU"]
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 30


def test_a_clamp_to_one_that_stays_is_a_quantize_since_its_kernel_is_young() -> None:
    first = add(x(), constant("c", 0.5), "sum")
    clamp, other = unary("RELU_0_TO_1", first.output, "y"), leaky(first.output, "z")
    graph = Graph([first.input(0)], [clamp.output, other.output], [first, clamp, other])
    data = samples()
    made = quantized(graph, data).graph
    assert kinds(made) == ["ADD", "QUANTIZE", "LEAKY_RELU"]
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 30


def test_a_clamp_by_constants_is_left_out_where_the_range_ends_there() -> None:
    first = add(x(), constant("c", 0.5), "sum")
    options = schema.MaximumMinimumOptionsT()
    low = Operator("MAXIMUM", [first.output, constant("lo", -1.0)], [activation("low", *SHAPE)], options, "low")
    high = Operator("MINIMUM", [low.output, constant("hi", 1.0)], [activation("y", *SHAPE)], options, "high")
    graph = Graph([first.input(0)], [high.output], [first, low, high])
    data = samples()
    made = quantized(graph, data).graph
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 30


def test_two_concatenations_that_want_the_same_scale_read_one_quantize() -> None:
    gate, wide = unary("LOGISTIC", x(), "gate"), leaky(activation("w", *SHAPE), "wide")
    joins = [
        Operator("CONCATENATION", list(order), [activation(f"y{n}", 1, 4, 4, 16)], with_axis(), f"y{n}")
        for n, order in enumerate(([gate.output, wide.output], [wide.output, gate.output]))
    ]
    graph = Graph([gate.input(0), wide.input(0)], [j.output for j in joins], [gate, wide, *joins])
    data = samples(-6.0, 6.0, "x", "w")
    made = quantized(graph, data).graph
    assert kinds(made).count("QUANTIZE") == 1
    for name in ("y0", "y1"):
        assert sqnr_db(run(graph, data[0])[name], run_quantized(made, data[0])[name]) > 30


def with_axis() -> object:
    options = schema.ConcatenationOptionsT()
    options.axis = 3
    return options


def test_one_constant_is_written_once_for_readers_that_agree_and_twice_for_others() -> None:
    c = constant("c", np.linspace(0, 1, 8))
    a = add(x(), c, "a")
    b = Operator("MAXIMUM", [a.output, c], [activation("b", *SHAPE)], schema.MaximumMinimumOptionsT(), "b")
    d = add(b.output, c, "y")
    graph = Graph([a.input(0)], [d.output], [a, b, d])
    data = samples()
    made = quantized(graph, data).graph
    assert len({t for t in made.tensors() if t.is_constant}) == 2
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 28


def test_a_constant_output_is_quantized_like_any_other() -> None:
    op = leaky(x())
    fixed = constant("anchors", [[1.0, -2.0]])
    made = quantized(Graph([op.input(0)], [op.output, fixed], [op]), samples(), interface=UINT8).graph
    assert made.outputs[1].dtype == np.uint8
    found = run_quantized(made, samples()[0])
    assert np.allclose(found["anchors"], [[1.0, -2.0]], atol=0.02)


def test_padding_of_minus_infinity_in_front_of_a_maximum_does_not_spoil_the_range() -> None:
    pads = constant("pads", [[0, 0], [1, 1], [1, 1], [0, 0]], np.int32)
    padded = Operator(
        "PADV2", [x(), pads, constant("lowest", -3.4e38)], [activation("p", 1, 6, 6, 8)], schema.PadV2OptionsT()
    )
    options = schema.Pool2DOptionsT()
    options.strideH = options.strideW = options.filterHeight = options.filterWidth = 2
    options.padding = schema.Padding.VALID
    pool = Operator("MAX_POOL_2D", [padded.output], [activation("y", 1, 3, 3, 8)], options)
    graph = Graph([padded.input(0)], [pool.output], [padded, pool])
    data = samples(-3.0, -1.0)
    made = quantized(graph, data).graph
    assert sqnr_db(run(graph, data[0])["y"], run_quantized(made, data[0])["y"]) > 35


def test_a_difference_that_is_always_zero_gets_a_scale_that_the_kernel_takes() -> None:
    a = graph_of("SUB", [x(), x()], [activation("y", *SHAPE)], schema.SubOptionsT())
    a.operators[0].inputs[1] = a.inputs[0]
    a.inputs = a.inputs[:1]
    made = quantized(a, samples(-1e4, 1e4)).graph
    assert not run_quantized(made, samples(-1e4, 1e4)[0])["y"].any()


def test_int8_ends_need_no_quantize() -> None:
    op = leaky(x())
    assert kinds(quantized(Graph([op.input(0)], [op.output], [op]), samples(), interface=INT8).graph) == ["LEAKY_RELU"]


def clamped_sum() -> Graph:
    options = schema.AddOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    return graph_of("ADD", [x(), activation("b", *SHAPE)], [activation("y", *SHAPE)], options)


def fused(graph: Graph) -> list[int]:
    return [op.options.fusedActivationFunction for op in graph.operators]


def test_a_fused_bound_that_the_kernel_has_no_number_for_goes_and_the_values_stay() -> None:
    """In an untrained network values may die away: in steps of 1e-11, 6 is no number of 32 bits."""
    graph = clamped_sum()
    vanishing = [{n: (1e-9 * v).astype(np.float32) for n, v in s.items()} for s in samples(-2.0, 3.0, "x", "b")]
    made = quantized(graph, vanishing).graph
    assert fused(made) == [schema.ActivationFunctionType.RELU]
    assert fused(graph) == [schema.ActivationFunctionType.RELU6]
    assert sqnr_db(run(graph, vanishing[0])["y"], run_quantized(made, vanishing[0])["y"]) > 30.0


def test_a_fused_bound_that_no_code_reaches_stays_where_the_kernel_can_hold_it() -> None:
    assert fused(quantized(clamped_sum(), samples(-0.1, 0.1, "x", "b")).graph) == [schema.ActivationFunctionType.RELU6]


def test_inputs_are_quantized_first_beside_one_of_booleans() -> None:
    flag, a, b = activation("flag", *SHAPE, dtype=np.bool_), activation("a", *SHAPE), activation("b", *SHAPE)
    op = Operator("SELECT", [flag, a, b], [activation("y", *SHAPE)], None, "y")
    data = [{**feed, "flag": feed["a"] > 0} for feed in samples(-2.0, 3.0, "a", "b")]
    made = quantized(Graph([flag, a, b], [op.output], [op]), data, interface=UINT8).graph
    assert kinds(made) == ["QUANTIZE", "QUANTIZE", "SELECT", "QUANTIZE"]
