"""What a chip's compiler does not take, said in what it takes: equal numbers, and an int8 form that loses nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.plugin import Spelling
from dlpuconv_backends.flatbuffer import Graph, Operator
from dlpuconv_backends.tflite.spell import SPELLINGS, spelled
from dlpuconv_targets.artpec.operators import EDGE_TPU, SPELLED_FOR_EDGE_TPU
from tests.backends.tflite.models import Arrays, activation, constant, quantized, run, run_quantized, sqnr_db

SHAPE = (1, 8, 8, 8)
EVERYTHING = Spelling(out=SPELLED_FOR_EDGE_TPU, taken=EDGE_TPU)


def only(kind: str) -> Spelling:
    return Spelling(out=frozenset({kind}), taken=EDGE_TPU)


def options(kind: str, *, approximate: bool = True) -> Any:
    if kind == "GELU":
        made = schema.GeluOptionsT()
        made.approximate = approximate
        return made
    if kind == "LEAKY_RELU":
        made = schema.LeakyReluOptionsT()
        made.alpha = 0.1
        return made
    return schema.HardSwishOptionsT() if kind == "HARD_SWISH" else schema.AbsOptionsT()


def curve(kind: str, *, approximate: bool = True) -> Graph:
    """A MUL, so that what the curve reads is computed, and the curve."""
    x, made, y = activation("x", *SHAPE), activation("made", *SHAPE), activation("y", *SHAPE)
    product = Operator("MUL", [x, constant("one", np.ones(8))], [made], schema.MulOptionsT(), "product")
    return Graph([x], [y], [product, Operator(kind, [made], [y], options(kind, approximate=approximate), "curve")])


def normal(mean: float, deviation: float) -> list[Arrays]:
    rng = np.random.default_rng(7)
    return [{"x": rng.normal(mean, deviation, SHAPE).astype(np.float32)} for _ in range(8)]


def values_of(graph: Graph, samples: list[Arrays]) -> npt.NDArray[Any]:
    return np.stack([run(graph, sample)["y"] for sample in samples])


def integers_of(graph: Graph, samples: list[Arrays]) -> npt.NDArray[Any]:
    made = quantized(graph, samples).graph
    return np.stack([run_quantized(made, sample)["y"] for sample in samples])


def test_the_edge_tpu_takes_every_operator_that_a_spelling_makes() -> None:
    for kind in SPELLED_FOR_EDGE_TPU:
        made, done = spelled(curve(kind), EVERYTHING)
        assert {op.kind for op in made.operators} <= EDGE_TPU
        assert done == {SPELLINGS[kind][0]: ["curve"]}


def test_only_the_operators_that_are_named_are_spelled() -> None:
    graph = curve("HARD_SWISH")
    assert spelled(graph, only("GELU")) == (graph, {})
    before = list(graph.operators)
    made, _ = spelled(graph, EVERYTHING)
    assert graph.operators == before  # the other targets' graph
    assert made.operators[0] is before[0]


def test_nothing_is_spelled_behind_what_the_chip_does_not_take_at_all() -> None:
    x, first, refused, last = (activation(name, *SHAPE) for name in ("x", "first", "refused", "last"))
    operators = [
        Operator("HARD_SWISH", [x], [first], options("HARD_SWISH"), "first"),
        Operator("ELU", [first], [refused], None, "refused"),
        Operator("HARD_SWISH", [refused], [last], options("HARD_SWISH"), "last"),
    ]
    made, done = spelled(Graph([x], [last], operators), EVERYTHING)
    assert [op.kind for op in made.operators] == ["MAXIMUM", "ADD", "MUL", "MUL", "ELU", "HARD_SWISH"]
    assert list(done.values()) == [["first"]]


@pytest.mark.parametrize("kind", sorted(SPELLINGS))
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1 << 20), st.floats(0.1, 30))
def test_a_spelling_says_the_same_in_float(kind: str, seed: int, deviation: float) -> None:
    values = np.random.default_rng(seed).normal(0, deviation, SHAPE).astype(np.float32)
    samples: list[Arrays] = [{"x": values}]
    graph = curve(kind)
    found, expected = values_of(spelled(graph, only(kind))[0], samples), values_of(graph, samples)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=5e-6)


def test_a_gelu_by_the_error_function_is_spelled_to_less_than_a_step_of_int8() -> None:
    graph = curve("GELU", approximate=False)
    samples: list[Arrays] = [{"x": np.linspace(-8, 8, 512, dtype=np.float32).reshape(SHAPE)}]
    found, expected = values_of(spelled(graph, only("GELU"))[0], samples), values_of(graph, samples)
    assert np.abs(found - expected).max() < 5e-4 < 0.17 / 255


@pytest.mark.parametrize("kind", sorted(SPELLINGS))
@pytest.mark.parametrize(("mean", "deviation"), [(0, 0.5), (0, 2), (0, 10), (2, 1), (-1, 1)])
def test_a_spelling_loses_next_to_nothing_in_int8(kind: str, mean: float, deviation: float) -> None:
    graph, samples = curve(kind), normal(mean, deviation)
    expected = values_of(graph, samples)
    own, spelling = integers_of(graph, samples), integers_of(spelled(graph, only(kind))[0], samples)
    assert sqnr_db(expected, spelling) > min(sqnr_db(expected, own) - 1, 42)


def test_a_hard_swish_keeps_its_codes_for_what_it_tells_apart() -> None:
    """Half of the values lie far below -3, where it makes 0 of all; the MAXIMUM says so, and is in the scale."""
    samples = normal(-20, 15)
    made = quantized(spelled(curve("HARD_SWISH"), only("HARD_SWISH"))[0], samples).graph
    assert [op.kind for op in made.operators] == ["MUL", "ADD", "MUL", "MUL"]
    read = made.operators[1].input(0).quantization
    assert read is not None
    assert read.scale * (-128 - read.zero_point) == pytest.approx(-3, abs=read.scale)


def test_a_share_of_a_hard_swish_costs_no_rounding() -> None:
    """[0, 6] and [0, 1] have the same codes."""
    made = quantized(spelled(curve("HARD_SWISH"), only("HARD_SWISH"))[0], normal(0, 4)).graph
    gate, share = made.operators[1].output.quantization, made.operators[2].output.quantization
    assert gate is not None
    assert share is not None
    assert gate.scale / share.scale == pytest.approx(6, rel=1e-6)
    assert gate.zero_point == share.zero_point == -128


def test_a_leaky_relu_of_vectors_gets_one_slope_a_channel() -> None:
    x, y = activation("x", 1, 5), activation("y", 1, 5)
    graph = Graph([x], [y], [Operator("LEAKY_RELU", [x], [y], options("LEAKY_RELU"), "curve")])
    (op,) = spelled(graph, only("LEAKY_RELU"))[0].operators
    assert op.kind == "PRELU"
    assert op.input(1).data is not None
    np.testing.assert_array_equal(op.input(1).data, np.full(5, 0.1, np.float32))
