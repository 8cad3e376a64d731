"""Graphs that do not hold together."""

from __future__ import annotations

import pytest

from tests.error_ids import raises_error
from tests.frontends.support import build, chain, node, operators, read, value


def test_a_cycle_is_told_with_its_operators() -> None:
    proto = chain(node("Add", ["x", "y"], ["a"], name="A"), node("Relu", ["a"], ["y"], name="B"))
    with raises_error("graph-cycle", "Add 'A'", "Relu 'B'"):
        read(proto)


def test_an_operator_that_reads_its_own_output_is_a_cycle() -> None:
    with raises_error("graph-cycle", "Relu 'B'"):
        read(chain(node("Relu", ["y"], ["y"], name="B")))


def test_operators_out_of_order_are_put_in_order() -> None:
    proto = chain(node("Exp", ["b"], ["y"]), node("Neg", ["a"], ["b"]), node("Relu", ["x"], ["a"]))
    assert operators(read(proto)) == ["Relu", "Neg", "Exp"]


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([node("Relu", ["z"], ["y"], name="r")], ("graph-inconsistent", "Relu 'r'", "'z'")),
        ([node("Relu", ["z"], ["y"])], ("graph-inconsistent", "Relu (which makes 'y')", "'z'")),
        ([node("Relu", ["x"], ["y"]), node("Neg", ["x"], ["y"])], ("graph-inconsistent", "'y'", "2 operators")),
        ([node("Relu", ["x"], ["x"]), node("Neg", ["x"], ["y"])], ("graph-inconsistent", "'x'")),
        ([node("Relu", ["x"], ["a"])], ("graph-inconsistent", "'y'")),
        ([], ("graph-inconsistent", "'y'")),
    ],
)
def test_a_value_is_made_exactly_once(nodes: list[object], told: tuple[str, ...]) -> None:
    with raises_error(*told):
        read(chain(*nodes))  # type: ignore[arg-type]


def test_an_output_or_input_listed_twice_is_refused() -> None:
    relu = [node("Relu", ["x"], ["y"])]
    x, y = value("x", (1,)), value("y", (1,))
    with raises_error("graph-inconsistent", "output 'y'", "2 times"):
        read(build(relu, [x], [y, y]))
    with raises_error("graph-inconsistent", "input 'x'", "2 times"):
        read(build(relu, [x, x], [y]))


def test_a_model_without_outputs_is_refused() -> None:
    with raises_error("graph-inconsistent", "outputs"):
        read(build([node("Relu", ["x"], ["y"])], [value("x", (1,))], []))


def test_all_problems_are_told_together_and_many_are_counted() -> None:
    nodes = [node("Relu", [f"z{i}"], [f"a{i}"], name=f"n{i}") for i in range(12)]
    with raises_error("graph-inconsistent", "'n0' reads ", "Relu 'n7' reads 'z7'", "and 5 more"):
        read(chain(*nodes))
