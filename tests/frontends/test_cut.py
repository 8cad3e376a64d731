"""--cut-at."""

from __future__ import annotations

import numpy as np
import pytest

from tests.error_ids import raises_error
from tests.frontends.support import build, conv, node, operators, read, run, value


def tree() -> object:
    """a -> Relu r -> (Neg p, Abs q); b -> Exp e; p + e -> y."""
    nodes = [
        node("Relu", ["a"], ["r"], name="relu"),
        node("Neg", ["r"], ["p"]),
        node("Abs", ["r"], ["q"]),
        node("Exp", ["b"], ["e"]),
        node("Add", ["p", "e"], ["s"]),
        node("Mul", ["s", "w"], ["y"]),
    ]
    inputs = [value("a", (1, 2)), value("b", (1, 2))]
    return build(nodes, inputs, [value("y", (1, 2)), value("q", (1, 2))], {"w": np.ones(2, np.float32)})


def test_the_values_become_the_outputs_in_the_order_given() -> None:
    model = read(tree(), cut_at=["q", "p"])
    assert [v.name for v in model.signature.outputs] == ["q", "p"]
    assert operators(model) == ["Relu", "Neg", "Abs"]


def test_a_name_with_a_space_is_quoted_where_the_option_is_told() -> None:
    with raises_error("cut-unknown", "--cut-at 'no such'"):
        read(tree(), cut_at=["no such"])


def test_inputs_and_weights_that_nothing_needs_go() -> None:
    model = read(tree(), cut_at=["p"])
    assert [v.name for v in model.signature.inputs] == ["a"]
    assert not model.graph.graph.initializers


def test_a_cut_model_computes_the_value() -> None:
    x = np.array([[-1.0, 2.0]], np.float32)
    np.testing.assert_array_equal(run(read(tree(), cut_at=["p"]), a=x)[0], [[0.0, -2.0]])


def test_without_a_cut_an_unused_input_stays_and_dead_operators_go() -> None:
    proto = build(
        [node("Relu", ["a"], ["y"]), node("Exp", ["b"], ["dead"])],
        [value("a", (1, 2)), value("b", (1, 2))],
        [value("y", None)],
    )
    model = read(proto)
    assert [v.name for v in model.signature.inputs] == ["a", "b"]
    assert operators(model) == ["Relu"]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("pp", ["--cut-at pp", "(did you mean 'p'?)"]),
        ("relu", ["--cut-at relu", "operator of this name makes 'r'"]),
        ("a", ["--cut-at a"]),
    ],
)
def test_an_unknown_value_is_answered_with_the_nearest(name: str, facts: list[str]) -> None:
    with raises_error("cut-unknown", *facts):
        read(tree(), cut_at=[name])


def test_a_value_named_twice_is_refused() -> None:
    with raises_error("cut-unknown", "'p'"):
        read(tree(), cut_at=["p", "p"])


def test_a_constant_is_no_output() -> None:
    proto = build(
        [node("Neg", ["w"], ["n"]), node("Add", ["x", "n"], ["y"])],
        [value("x", (1, 2))],
        [value("y", None)],
        {"w": np.ones(2, np.float32)},
    )
    with raises_error("cut-constant"):
        read(proto, cut_at=["n"])


def test_what_is_cut_away_is_not_screened() -> None:
    proto = conv()
    proto.graph.node[1].op_type = "Relux"
    assert read(proto, cut_at=["c"]).signature.outputs[0].shape == (1, 4, 8, 8)
