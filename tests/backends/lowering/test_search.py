"""Where a lowered graph is wrong, the operators that are at fault are found by their values."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pytest
from onnx import helper

from dlpuconv_backends.cleanup import CleanUp, clean
from dlpuconv_backends.flatbuffer.build import reshape
from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor
from dlpuconv_backends.lowering import beside, lower
from tests.backends.lowering.models import model
from tests.error_ids import raises_error, refused_by

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.ir import Model

RANDOM = np.random.default_rng(11)
SHAPE = (1, 4, 6, 6)

type Spoil = Callable[[Graph], None]


def layers(count: int = 5) -> Model:
    """x -> Conv -> Tanh -> Conv -> ... -> y, every value of one shape."""
    weights = {f"w{i}": RANDOM.normal(0, 0.4, (4, 4, 3, 3)).astype(np.float32) for i in range(count)}
    nodes = []
    for i in range(count):
        before, after = f"t{i - 1}" if i else "x", f"t{i}" if i < count - 1 else "y"
        nodes += [
            helper.make_node("Conv", [before, f"w{i}"], [f"c{i}"], f"conv {i}", pads=[1] * 4),
            helper.make_node("Tanh", [f"c{i}"], [after], f"tanh {i}"),
        ]
    return model(nodes, {"x": SHAPE}, {"y": SHAPE}, weights)


@pytest.fixture
def spoiled(monkeypatch: pytest.MonkeyPatch) -> Callable[[Spoil], None]:
    """Let the clean-up end with something else, too."""

    def use(spoil: Spoil) -> None:
        def cleaned(graph: Graph, transposes: frozenset[str]) -> CleanUp:
            done = clean(graph, transposes)
            spoil(graph)
            return done

        monkeypatch.setattr(import_module("dlpuconv_backends.lowering.lower"), "clean", cleaned)

    return use


def of(graph: Graph, name: str) -> Operator:
    return next(op for op in graph.operators if op.source_name == name)


def double_weights(name: str) -> Spoil:
    def spoil(graph: Graph) -> None:
        weights = of(graph, name).input(1)
        weights.data = np.asarray(weights.data) * 2

    return spoil


@pytest.mark.parametrize("bytes_at_once", [1 << 27, 1000])
@pytest.mark.parametrize("at", [0, 2, 4])
def test_the_one_wrong_operator_is_named_with_the_values_that_it_makes(
    spoiled: Callable[[Spoil], None], monkeypatch: pytest.MonkeyPatch, at: int, bytes_at_once: int
) -> None:
    monkeypatch.setattr(beside, "_MOST_BYTES", bytes_at_once)
    spoiled(double_weights(f"conv {at}"))
    with raises_error("operator-lowered-wrongly") as caught:
        lower(layers(), layouts={})
    why = (
        "cannot be written such that TensorFlow Lite computes the same"
        " (a fault of dlpuconv's clean-up; please report it)"
    )
    assert caught.value.problems == (f"Conv 'conv {at}' {why}",)
    assert refused_by(caught) == (f"c{at}",)
    assert str(caught.value) == f"1 operator {why}: Conv 'conv {at}'"


def test_an_output_of_another_shape_is_its_last_operators_fault(spoiled: Callable[[Spoil], None]) -> None:
    def flatten(graph: Graph) -> None:
        flat = reshape(graph.outputs[0], (1, 144))
        graph.operators.append(flat)
        graph.outputs[0].name, flat.output.name = "inner", "y"
        graph.outputs[0] = flat.output

    spoiled(flatten)
    with raises_error("operator-lowered-wrongly", "Tanh 'tanh 1'"):
        lower(layers(2), layouts={})


def test_several_wrong_operators_are_named_at_once(spoiled: Callable[[Spoil], None]) -> None:
    def both(graph: Graph) -> None:
        double_weights("conv 1")(graph)
        double_weights("conv 3")(graph)

    spoiled(both)
    with raises_error("operator-lowered-wrongly") as caught:
        lower(layers(), layouts={})
    assert refused_by(caught) == ("c1", "c3")


def test_an_operator_that_litert_refuses_is_named_in_our_words(spoiled: Callable[[Spoil], None]) -> None:
    def wrong_shape(graph: Graph) -> None:
        op = of(graph, "tanh 2")
        flat = reshape(op.input(0), (7, 7))
        flat.source_name = "tanh 2"
        graph.insert_before(op, flat)
        op.inputs = [flat.output]

    spoiled(wrong_shape)
    with raises_error("operator-lowered-wrongly", "1 operator", "fault of dlpuconv", "Tanh") as caught:
        lower(layers(), layouts={})
    assert refused_by(caught) == ("t2",)


def test_what_onnx2tf_lowers_wrongly_is_named_alone_though_it_is_fused_with_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A convolution with its activation is one operator behind the clean-up; before, each is one by itself."""
    lowering = import_module("dlpuconv_backends.lowering.lower")
    decode = lowering.decode

    def wrongly(content: bytes) -> Graph:
        graph: Graph = decode(content)
        weights = next(op for op in graph.operators if op.kind == "CONV_2D").input(1)
        weights.data = np.asarray(weights.data) * 2
        return graph

    monkeypatch.setattr(lowering, "decode", wrongly)
    weights = {"w": RANDOM.normal(0, 0.4, (4, 4, 3, 3)).astype(np.float32)}
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "the conv", pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["y"], "the relu"),
    ]
    with raises_error("operator-lowered-wrongly") as caught:
        lower(model(nodes, {"x": SHAPE}, {"y": SHAPE}, weights), layouts={})
    assert caught.value.problems == ("Conv 'the conv' cannot be written such that TensorFlow Lite computes the same",)


def test_an_operator_that_was_spelled_out_is_known_by_the_value_that_it_makes(spoiled: Callable[[Spoil], None]) -> None:
    """No node of the model has the name that the operator was given then."""

    def rename(graph: Graph) -> None:
        double_weights("conv 2")(graph)
        of(graph, "conv 2").source_name = "a part of conv 2"

    spoiled(rename)
    with raises_error("operator-lowered-wrongly") as caught:
        lower(layers(), layouts={})
    assert refused_by(caught) == ("c2",)


def chaos(steps: int) -> Model:
    """z -> 4 z (1 - z), which doubles an error each time."""
    nodes = [helper.make_node("Tanh", ["x"], ["t"]), helper.make_node("Abs", ["t"], ["z0"])]
    for step in range(steps):
        nodes += [
            helper.make_node("Sub", ["one", f"z{step}"], [f"rest{step}"]),
            helper.make_node("Mul", [f"z{step}", f"rest{step}"], [f"product{step}"]),
            helper.make_node("Mul", [f"product{step}", "four"], [f"z{step + 1}"], f"step {step}"),
        ]
    last = f"z{steps}"
    return model(nodes, {"x": (1, 64)}, {last: (1, 64)}, {"one": np.float32(1), "four": np.float32(4)})


def test_a_network_that_loses_itself_to_rounding_is_right_where_each_part_is() -> None:
    assert lower(chaos(40), layouts={}).sqnr_db["z40"] < 10


def test_a_wrong_operator_in_such_a_network_is_found_all_the_same(spoiled: Callable[[Spoil], None]) -> None:
    def other_factor(graph: Graph) -> None:
        op = of(graph, "step 30")
        op.inputs = [op.input(0), Tensor.constant("other", np.array([3.9], np.float32))]

    spoiled(other_factor)
    with raises_error("operator-lowered-wrongly", "'step 30'"):
        lower(chaos(40), layouts={})


def test_a_value_that_a_rewrite_scaled_on_purpose_is_no_fault(spoiled: Callable[[Spoil], None]) -> None:
    """Both parts around it are wrong by themselves, and right together; the chaos behind makes the proof doubt."""

    def scale(graph: Graph) -> None:
        op = of(graph, "step 0")
        op.inputs = [op.input(0), Tensor.constant("eight", np.array([8], np.float32))]
        half = Tensor("halved", op.output.shape, op.output.dtype)
        for reader in graph.consumers()[op.output]:
            reader.inputs = [half if t is op.output else t for t in reader.inputs]
        graph.insert_after(
            op, Operator("MUL", [op.output, Tensor.constant("half", np.array([0.5], np.float32))], [half], op.options)
        )

    spoiled(scale)
    assert lower(chaos(40), layouts={}).sqnr_db["z40"] < 10
