"""Graphs that do not hold together."""

from __future__ import annotations

import pytest

from dlpuconv.errors import ModelError
from tests.frontends.support import build, chain, node, operators, read, value


def test_a_cycle_is_told_with_its_operators() -> None:
    proto = chain(node("Add", ["x", "y"], ["a"], name="A"), node("Relu", ["a"], ["y"], name="B"))
    with pytest.raises(ModelError, match="has a cycle: Add 'A', Relu 'B' wait for one another"):
        read(proto)


def test_an_operator_that_reads_its_own_output_is_a_cycle() -> None:
    with pytest.raises(ModelError, match="has a cycle: Relu 'B'"):
        read(chain(node("Relu", ["y"], ["y"], name="B")))


def test_operators_out_of_order_are_put_in_order() -> None:
    proto = chain(node("Exp", ["b"], ["y"]), node("Neg", ["a"], ["b"]), node("Relu", ["x"], ["a"]))
    assert operators(read(proto)) == ["Relu", "Neg", "Exp"]


@pytest.mark.parametrize(
    ("nodes", "sentence"),
    [
        ([node("Relu", ["z"], ["y"], name="r")], "Relu 'r' reads 'z', which nothing makes"),
        ([node("Relu", ["z"], ["y"])], r"Relu \(which makes 'y'\) reads 'z', which nothing makes"),
        ([node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])], "the value 'y' is made by 2 operators"),
        ([node("Relu", ["x"], ["x"]), node("Neg", ["x"], ["y"])], "'x' is an operator's output and also an input"),
        ([node("Relu", ["x"], ["a"])], "nothing makes the output 'y'"),
        ([], "the model holds no operators; nothing makes the output 'y'"),
    ],
)
def test_a_value_is_made_exactly_once(nodes: list[object], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        read(chain(*nodes))  # type: ignore[arg-type]


def test_an_output_or_input_listed_twice_is_refused() -> None:
    relu = [node("Relu", ["x"], ["y"])]
    x, y = value("x", (1,)), value("y", (1,))
    with pytest.raises(ModelError, match="the output 'y' is listed 2 times"):
        read(build(relu, [x], [y, y]))
    with pytest.raises(ModelError, match="the input 'x' is listed 2 times"):
        read(build(relu, [x, x], [y]))


def test_a_model_without_outputs_is_refused() -> None:
    with pytest.raises(ModelError, match="the model has no outputs"):
        read(build([node("Relu", ["x"], ["y"])], [value("x", (1,))], []))


def test_all_problems_are_told_together_and_many_are_counted() -> None:
    nodes = [node("Relu", [f"z{i}"], [f"a{i}"], name=f"n{i}") for i in range(12)]
    with pytest.raises(ModelError, match=r"'n0' reads .*; Relu 'n7' reads 'z7', which nothing makes; and 5 more"):
        read(chain(*nodes))
