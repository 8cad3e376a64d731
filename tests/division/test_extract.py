from __future__ import annotations

import numpy as np
import onnx

from dlpuconv.division.extract import extract
from dlpuconv.division.whole import Whole
from tests.division.support import evaluate, node, weights, whole
from tests.error_ids import raises_error


def network() -> Whole:
    """x -> Conv c -> Relu r; z -> Neg n; y = r + n + (a table that is made of a constant)."""
    return whole(
        [
            node("Neg", ["table"], ["made"]),
            node("Conv", ["x", "w"], ["c"]),
            node("Relu", ["c"], ["r"]),
            node("Neg", ["z"], ["n"]),
            node("Sum", ["r", "n", "made"], ["y"]),
        ],
        {"x": (1, 3, 4, 4), "z": (1, 2, 4, 4)},
        ["y"],
        {"w": weights(2, 3, 1, 1), "table": weights(1, 2, 1, 1), "unused": weights(3)},
    )


def test_a_part_holds_what_is_between_its_ends_and_the_constants_that_this_needs() -> None:
    net = network()
    before = net.proto.SerializeToString()
    part = extract(net.proto, ["r", "z", "x"], ["y"])
    onnx.checker.check_model(part, full_check=True)
    assert [value.name for value in part.graph.input] == ["r", "z"]
    assert [n.output[0] for n in part.graph.node] == ["made", "n", "y"]
    assert [tensor.name for tensor in part.graph.initializer] == ["table"]
    assert {value.name for value in part.graph.value_info} == {"n", "made"}
    assert net.proto.SerializeToString() == before


def test_ends_are_in_the_order_that_was_asked_for() -> None:
    part = extract(network().proto, ["z", "x"], ["n", "c"])
    assert [value.name for value in part.graph.input] == ["z", "x"]
    feeds = {"x": weights(1, 3, 4, 4), "z": weights(1, 2, 4, 4)}
    assert list(evaluate(part, feeds)) == ["n", "c"]


def test_a_part_that_needs_another_input_is_refused_by_the_inputs_name() -> None:
    with raises_error("cut-needs-input", "'y'", "'z'"):
        extract(network().proto, ["x"], ["y"])


def test_an_output_that_is_a_constant_comes_with_it() -> None:
    net = network()
    part = extract(net.proto, ["x"], ["made", "c"])
    got = evaluate(part, {"x": np.zeros((1, 3, 4, 4), np.float32)})
    table = onnx.numpy_helper.to_array(net.proto.graph.initializer[1])
    np.testing.assert_array_equal(got["made"], -table)
