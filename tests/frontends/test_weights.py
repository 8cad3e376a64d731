"""Tensors that cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from tests.error_ids import raises_error
from tests.frontends.support import build, chain, conv, node, read, value

INFINITE = np.array([1.0, np.inf, -np.inf, 2.0], np.float32)


def added(weights: Any) -> onnx.ModelProto:
    return chain(node("Add", ["x", "w"], ["y"]), weights={"w": weights})


def test_nan_is_told_with_the_initializer_and_how_many() -> None:
    with raises_error("weights-not-finite", "'w'", "NaN", "1 of 4"):
        read(added(np.array([1, np.nan, 2, 3], np.float32)))


def test_infinity_is_told_for_every_initializer() -> None:
    proto = chain(node("Add", ["x", "v"], ["a"]), node("Add", ["a", "w"], ["y"]),
                  weights={"v": INFINITE, "w": INFINITE.astype(np.float16)})  # fmt: skip
    with raises_error("weights-not-finite", "'v'", "'w'", "infinity", "2 of 4"):
        read(proto)


def test_nan_in_a_constant_node_is_found() -> None:
    tensor = onnx.numpy_helper.from_array(np.full(4, np.nan, np.float32))
    with raises_error("weights-not-finite", "'c'", "NaN", "4 of 4"):
        read(chain(node("Constant", [], ["c"], value=tensor), node("Add", ["x", "c"], ["y"])))


@pytest.mark.parametrize(
    "bound",
    [node("Clip", ["x", "", "i"], ["y"]), node("Min", ["x", "i"], ["y"]), node("Pad", ["x", "p", "i"], ["y"])],
)
def test_infinity_is_fine_where_it_is_a_bound(bound: onnx.NodeProto) -> None:
    read(chain(bound, weights={"i": np.array(np.inf, np.float32), "p": np.array([0, 0, 0, 1])}))


@pytest.mark.parametrize(
    ("dims", "cause"),
    [
        ([10**12, 3, 3, 3], "tensor-size"),
        ([4, 3, 3, 2], "tensor-size"),
        ([2**62, 2**62, 1, 1], "tensor-size"),
        ([4, 3, 3, -3], "tensor-shape"),
    ],
)
def test_a_shape_that_the_file_does_not_fill_allocates_nothing(dims: list[int], cause: str) -> None:
    proto = conv()
    del proto.graph.initializer[0].dims[:]
    proto.graph.initializer[0].dims.extend(dims)
    with raises_error(cause, "'w'", str(dims)):
        read(proto)


def test_an_unknown_type_is_told() -> None:
    proto = conv()
    proto.graph.initializer[0].data_type = 77
    with raises_error("tensor-type-unknown", "'w'", "77"):
        read(proto)


@pytest.mark.parametrize(
    ("nodes", "weights", "told"),
    [
        (
            [node("Conv", ["x", "w"], ["y"], name="c")],
            {"w": np.ones((4, 3, 1, 1))},
            ("operands-misfit", "3 channels (groups: 1)"),
        ),
        (
            [node("Conv", ["x", "w"], ["y"], name="c", group=2)],
            {"w": np.ones((4, 3, 1, 1))},
            ("operands-misfit", "6 channels"),
        ),
        (
            [node("ConvTranspose", ["x", "w"], ["y"], name="c")],
            {"w": np.ones((3, 4, 1, 1))},
            ("operands-misfit", "3 channels"),
        ),
    ],
)
def test_weights_for_other_channels_are_told_with_both(nodes: Any, weights: Any, told: tuple[str, ...]) -> None:
    proto = build(nodes, [value("x", (1, 5, 6, 6))], [value("y", None)],
                  {name: array.astype(np.float32) for name, array in weights.items()})  # fmt: skip
    with raises_error(*told) as caught:
        read(proto)
    assert "its input of shape [1, 5, 6, 6] has 5" in str(caught.value)


@pytest.mark.parametrize("kept", ["raw_data", "float_data"])
def test_values_in_two_fields_are_refused_since_readers_differ_in_which_they_take(kept: str) -> None:
    proto = conv()
    tensor = proto.graph.initializer[0]
    if kept == "float_data":
        tensor.float_data.extend(onnx.numpy_helper.to_array(tensor).ravel())
        tensor.ClearField("raw_data")
    tensor.uint64_data.append(9)
    with raises_error("tensor-size", "'w'", "FLOAT", "uint64_data"):
        read(proto)


def test_weights_that_nothing_reads_may_be_anything() -> None:
    tensor = onnx.numpy_helper.from_array(np.array([-np.inf], np.float32))
    proto = chain(node("Constant", [], ["c"], value=tensor), node("Relu", ["x"], ["y"]), weights={"w": INFINITE})
    assert [n.op_type for n in read(proto).graph.graph] == ["Relu"]
