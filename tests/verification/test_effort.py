from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.formats.onnx_graph import view_of
from dlpuconv.verification.effort import why_not_run

if TYPE_CHECKING:
    from collections.abc import Sequence


def model(
    node: onnx.NodeProto, shape: Sequence[int | str], *constants: np.ndarray[tuple[int, ...], np.dtype[np.generic]]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, f"c{number}") for number, values in enumerate(constants)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])


def branch() -> onnx.NodeProto:
    empty = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["z"])], "b", [], [helper.make_tensor_value_info("z", TensorProto.FLOAT, None)]
    )
    return helper.make_node("If", ["c0"], ["y"], then_branch=empty, else_branch=empty)


RELU = helper.make_node("Relu", ["x"], ["y"])


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (model(RELU, [1, 3, 64, 64]), ""),
        (model(RELU, [1, 3, "h", 64]), "its shapes are not all known"),
        (model(branch(), [1], np.asarray(True)), "it has branches or loops"),
        (model(helper.make_node("Mine", ["x"], ["y"], domain="mine"), [1]), "operators that are not ONNX's own"),
        (model(RELU, [1, 3, 10_000, 10_000]), "more memory than 1 GiB"),
        (
            model(helper.make_node("ConstantOfShape", ["c0"], ["y"]), [1], np.asarray([1 << 20, 1 << 20])),
            "more memory than 1 GiB",
        ),
        (model(helper.make_node("ConstantOfShape", ["x"], ["y"]), [2]), "its shapes are not all known"),
        (
            model(
                helper.make_node("Conv", ["x", "c0"], ["y"]), [1, 256, 700, 700], np.zeros((256, 256, 9, 9), np.int8)
            ),
            "more than 250 billion products",
        ),
    ],
)
def test_a_strangers_model_is_run_only_where_it_surely_ends_and_fits(given: onnx.ModelProto, reason: str) -> None:
    found = why_not_run(view_of(given))
    assert reason in found
    assert bool(reason) == bool(found)


def test_weights_in_other_files_are_a_reason() -> None:
    given = model(helper.make_node("Add", ["x", "c0"], ["y"]), [4], np.zeros(4, np.float32))
    given.graph.initializer[0].data_location = TensorProto.EXTERNAL
    assert "takes weights from other files" in why_not_run(view_of(given))
