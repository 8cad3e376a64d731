"""Every rewrite: how often it fires, what is left, equal numbers in float, and an int8 form that works."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.legalize import legalize
from dlpuconv_backends.tflite.refusals import refuse_unsupported
from tests.backends.tflite.models import activation, constant, graph_of, quantized, run, run_quantized, sqnr_db

SHAPE = (1, 4, 4, 8)
RNG = np.random.default_rng(3)


def positive() -> npt.NDArray[Any]:
    return RNG.uniform(0.5, 4, SHAPE).astype(np.float32)


def x() -> Tensor:
    return activation("x", *SHAPE)


def y() -> Tensor:
    return activation("y", *SHAPE)


def binary(kind: str, second: Tensor, options: object = None) -> Graph:
    return graph_of(kind, [x(), second], [y()], options)


def division_by_root() -> Graph:
    a, v, root = x(), activation("v", *SHAPE), activation("root", *SHAPE)
    sqrt = Operator("SQRT", [v], [root], None, "sqrt")
    return Graph([a, v], [y_ := y()], [sqrt, Operator("DIV", [a, root], [y_], schema.DivOptionsT(), "node")])


def choice() -> Graph:
    a, condition, y_ = x(), activation("c", *SHAPE, dtype=np.bool_), y()
    less = Operator("LESS", [a, constant("two", 2.0)], [condition], schema.LessOptionsT(), "less")
    return Graph([a], [y_], [less, Operator("CAST", [condition], [y_], schema.CastOptionsT(), "node")])


REWRITES: dict[str, tuple[Graph, list[str]]] = {
    "a sum of three": (
        graph_of("ADD_N", [x(), activation("z", *SHAPE), activation("w", *SHAPE)], [y()]),
        ["ADD", "ADD"],
    ),
    "a square": (graph_of("SQUARE", [x()], [y()], schema.SquareOptionsT()), ["MUL"]),
    "a power of 1": (binary("POW", constant("p", 1.0), schema.PowOptionsT()), ["MUL"]),
    "a power of 2": (binary("POW", constant("p", 2.0), schema.PowOptionsT()), ["MUL"]),
    "a power of 3": (binary("POW", constant("p", 3.0), schema.PowOptionsT()), ["MUL", "MUL"]),
    "a power of 1/2": (binary("POW", constant("p", 0.5), schema.PowOptionsT()), ["SQRT"]),
    "a power of -1/2": (binary("POW", constant("p", -0.5), schema.PowOptionsT()), ["RSQRT"]),
    "a power of -1": (binary("POW", constant("p", -1.0), schema.PowOptionsT()), ["RSQRT", "MUL", "MUL"]),
    "a power of 1/4": (binary("POW", constant("p", 0.25), schema.PowOptionsT()), ["SQRT", "SQRT"]),
    "a power of 3/4": (binary("POW", constant("p", 0.75), schema.PowOptionsT()), ["SQRT", "SQRT", "MUL"]),
    "a power of 3/2": (binary("POW", constant("p", 1.5), schema.PowOptionsT()), ["SQRT", "MUL"]),
    "a power of -1/4": (binary("POW", constant("p", -0.25), schema.PowOptionsT()), ["RSQRT", "SQRT"]),
    "a power of -3/4": (binary("POW", constant("p", -0.75), schema.PowOptionsT()), ["RSQRT", "SQRT", "MUL"]),
    "a power of -2": (binary("POW", constant("p", -2.0), schema.PowOptionsT()), ["RSQRT", "MUL", "MUL", "MUL"]),
    "a sign": (graph_of("SIGN", [x()], [y()]), ["GREATER", "LESS", "SELECT_V2", "SELECT_V2"]),
    "a negation": (graph_of("NEG", [x()], [y()], schema.NegOptionsT()), ["MUL"]),
    "a division by a constant": (
        binary("DIV", constant("c", [0.5, 2, 4, 8, 1, 3, 5, 7]), schema.DivOptionsT()),
        ["MUL"],
    ),
    "a division by a root": (division_by_root(), ["RSQRT", "MUL"]),
    "a division by an activation": (
        binary("DIV", activation("z", *SHAPE), schema.DivOptionsT()),
        ["RSQRT", "MUL", "MUL"],
    ),
    "a condition as a number": (choice(), ["LESS", "SELECT_V2"]),
}


@pytest.mark.parametrize("name", REWRITES)
def test_an_operator_without_a_good_int8_kernel_becomes_operators_that_have_one(name: str) -> None:
    graph, kinds = REWRITES[name]
    before = Graph(list(graph.inputs), list(graph.outputs), list(graph.operators))
    samples = [{t.name: positive() for t in graph.inputs} for _ in range(12)]
    expected = [run(before, s)["y"] for s in samples]
    done = legalize(graph)
    assert [names for names in done.values() if "node" in names]
    assert [op.kind for op in graph.operators] == kinds
    assert all(np.allclose(e, run(graph, s)["y"], rtol=1e-5, atol=1e-6) for e, s in zip(expected, samples, strict=True))
    assert legalize(graph) == {}
    refuse_unsupported(graph)
    made = quantized(graph, samples)
    found = [run_quantized(made.graph, s)["y"] for s in samples]
    if name != "a condition as a number":  # a comparison near its threshold is right or wrong, not near
        assert sqnr_db(np.stack(expected), np.stack(found)) > 25


def test_a_fused_activation_of_a_division_is_kept() -> None:
    options = schema.DivOptionsT()
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    graph = graph_of("DIV", [x(), activation("z", *SHAPE)], [y()], options)
    legalize(graph)
    assert [op.options.fusedActivationFunction for op in graph.operators if op.kind == "MUL"] == [0, 3]


def test_two_divisions_by_the_same_root_share_one_reciprocal_root() -> None:
    a, v = x(), activation("v", *SHAPE)
    root, y1, y2 = activation("root", *SHAPE), activation("y1", *SHAPE), activation("y2", *SHAPE)
    operators = [Operator("SQRT", [v], [root])]
    operators += [Operator("DIV", [a, root], [out], schema.DivOptionsT()) for out in (y1, y2)]
    graph = Graph([a, v], [y1, y2], operators)
    legalize(graph)
    assert [op.kind for op in graph.operators] == ["RSQRT", "MUL", "MUL"]


def test_integer_arithmetic_is_left_alone() -> None:
    a, out = activation("x", 4, dtype=np.int32), activation("y", 4, dtype=np.int32)
    graph = graph_of("NEG", [a], [out], schema.NegOptionsT())
    assert legalize(graph) == {}
    refuse_unsupported(graph)


def test_a_power_that_is_no_constant_is_left_to_be_refused() -> None:
    graph = binary("POW", activation("z", *SHAPE), schema.PowOptionsT())
    assert legalize(graph) == {}
    assert graph.operators[0].kind == "POW"


def chain(*steps: tuple[str, float | list[float]], tap: int | None = None) -> Graph:
    """Operators by constants, one after the other; the output of number `tap` is an output of the graph too."""
    made: list[Operator] = []
    source = x()
    for number, (kind, value) in enumerate(steps):
        options = {"MUL": schema.MulOptionsT, "ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT}[kind]()
        name = "y" if number == len(steps) - 1 else f"s{number}"
        out = activation(name, *SHAPE)
        made.append(Operator(kind, [source, constant(f"c{number}", value)], [out], options, f"node{number}"))
        source = out
    outputs = [source] if tap is None else [source, made[tap].output]
    return Graph([made[0].input(0)], outputs, made)


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ([("MUL", 2.0), ("MUL", list(range(1, 9)))], ["MUL"]),
        ([("ADD", 2.0), ("ADD", -0.5), ("SUB", 1.0)], ["ADD"]),
        ([("MUL", 2.0), ("ADD", -0.5), ("MUL", 32.0), ("MUL", 1 / 640)], ["MUL", "ADD"]),
        ([("ADD", 2.0), ("MUL", 3.0)], ["ADD", "MUL"]),  # another order would be no shorter
        ([("MUL", 2.0), ("ADD", 3.0)], ["MUL", "ADD"]),
    ],
)
def test_a_chain_of_constants_becomes_one_of_each(steps: list[Any], kinds: list[str]) -> None:
    graph = chain(*steps)
    sample = {"x": positive()}
    expected = run(graph, sample)["y"]
    legalize(graph)
    assert [op.kind for op in graph.operators] == kinds
    assert np.allclose(run(graph, sample)["y"], expected, rtol=1e-5, atol=1e-6)
    assert len({t.name for t in graph.tensors()}) == len(graph.tensors())


def test_a_chain_that_somebody_reads_in_the_middle_is_left_alone() -> None:
    graph = chain(("MUL", 2.0), ("MUL", 3.0), tap=0)
    legalize(graph)
    assert [op.kind for op in graph.operators] == ["MUL", "MUL"]


def test_a_chain_is_not_merged_over_an_activation() -> None:
    graph = chain(("MUL", 2.0), ("MUL", 3.0))
    graph.operators[0].options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    legalize(graph)
    assert [op.kind for op in graph.operators] == ["MUL", "MUL"]


def test_one_over_a_root_is_the_reciprocal_root_itself() -> None:
    v, root, y_ = activation("v", *SHAPE), activation("root", *SHAPE), y()
    divide = Operator("DIV", [constant("one", [1.0]), root], [y_], schema.DivOptionsT(), "node")
    graph = Graph([v], [y_], [Operator("SQRT", [v], [root], None, "sqrt"), divide])
    sample = {"v": positive()}
    expected = run(graph, sample)["y"]
    legalize(graph)
    assert [op.kind for op in graph.operators] == ["RSQRT"]
    assert np.allclose(run(graph, sample)["y"], expected, rtol=1e-5)


def test_a_power_that_is_no_quarter_is_left_to_be_refused() -> None:
    assert legalize(binary("POW", constant("p", 2.2), schema.PowOptionsT())) == {}


def test_a_sign_is_that_of_negative_numbers_and_of_zero_too() -> None:
    graph = graph_of("SIGN", [x()], [y()])
    legalize(graph)
    numbers = np.resize(np.array([-2.5, 0.0, 3.0], np.float32), SHAPE)
    assert np.array_equal(run(graph, {"x": numbers})["y"], np.sign(numbers))
