"""Minus infinity in masks, and elsewhere."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dlpuconv.frontends.masks import LOWEST
from tests.error_ids import raises_error
from tests.frontends.support import chain, node, read

MASK = np.array([0, -np.inf, 0, 0], np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_minus_infinity_in_a_mask_becomes_a_number(dtype: type) -> None:
    nodes = [node("Unsqueeze", ["m", "z"], ["u"]), node("Add", ["x", "u"], ["a"]), node("Softmax", ["a"], ["y"])]
    model = read(chain(*nodes, weights={"m": MASK.astype(dtype), "z": np.array([0])}))
    weights = model.graph.graph.initializers["m"].const_value
    assert weights is not None
    np.testing.assert_array_equal(weights.numpy(), np.array([0, LOWEST, 0, 0], np.float32))


def test_so_does_what_is_filled_in_by_a_mask() -> None:
    weights = {"m": np.array(-np.inf, np.float32), "b": np.array([True, False, False, True])}
    model = read(chain(node("Where", ["b", "m", "x"], ["a"]), node("Softmax", ["a"], ["y"]), weights=weights))
    value = model.graph.graph.initializers["m"].const_value
    assert value is not None
    assert value.numpy() == np.float32(LOWEST)


@pytest.mark.parametrize("after", ["Relu", "Softmax"])
def test_it_is_not_where_something_else_sees_it(after: str) -> None:
    nodes = [node("Add", ["x", "m"], ["a"]), node("Softmax", ["a"], ["s"]), node(after, ["a"], ["b"]),
             node("Add", ["s", "b"], ["y"])]  # fmt: skip
    mask = MASK if after == "Relu" else -MASK
    with raises_error("weights-not-finite", "'m'", "infinity", "1 of 4"):
        read(chain(*nodes, weights={"m": mask}))


def test_so_does_a_filling_whose_triangle_is_a_mask() -> None:
    """As PyTorch exports `triu(full((n, n), -inf), 1)`."""
    value = onnx.numpy_helper.from_array(np.array([-np.inf], np.float32))
    nodes = [node("ConstantOfShape", ["s"], ["f"], value=value), node("Trilu", ["f"], ["m"]),
             node("Add", ["x", "m"], ["a"]), node("Softmax", ["a"], ["y"])]  # fmt: skip
    (filling,) = [
        n for n in read(chain(*nodes, weights={"s": np.array([4, 4])})).graph.graph if n.op_type == "ConstantOfShape"
    ]
    assert filling.attributes["value"].as_tensor().numpy() == np.float32(LOWEST)


def test_nor_where_the_user_sees_it() -> None:
    proto = chain(node("Identity", ["m"], ["u"]), node("Add", ["x", "u"], ["a"]), node("Softmax", ["a"], ["y"]),
                  weights={"m": MASK})  # fmt: skip
    proto.graph.output.append(onnx.helper.make_tensor_value_info("u", 1, [4]))
    with raises_error("weights-not-finite", "'m'", "infinity"):
        read(proto)
