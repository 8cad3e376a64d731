"""Which models may make ONNX's inference count axes without end."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from dlpuconv.frontends.long_shapes import LONG, may_be_long
from dlpuconv.frontends.skeleton import make_skeleton, tame
from tests.frontends.support import build, node, value

INT64 = onnx.TensorProto.INT64


def graph(nodes: list[onnx.NodeProto], **weights: np.ndarray) -> onnx.GraphProto:  # type: ignore[type-arg]
    """As the inference gets it; s is a vector that the model takes."""
    inputs = [value("x", (1, 3, 4)), value("s", (LONG + 1,), INT64), value("few", (3,), INT64)]
    skeleton = make_skeleton(build(nodes, inputs, [value("y", None)], weights), 4096)
    tame(skeleton.graph)
    return skeleton.graph


RESHAPE = node("Reshape", ["x", "t"], ["y"])
ONE, TWO = np.asarray([1]), np.asarray([2])


@pytest.mark.parametrize(
    ("nodes", "weights"),
    [
        ([node("Relu", ["x"], ["y"])], {}),
        ([RESHAPE], {"t": np.arange(3)}),
        ([node("Shape", ["x"], ["d"]), node("Mul", ["d", "n"], ["t"]), RESHAPE], {"n": ONE}),
        ([node("Concat", ["few", "few"], ["t"], axis=0), RESHAPE], {}),
        ([node("ConstantOfShape", ["n"], ["t"]), RESHAPE], {"n": TWO}),
    ],
)
def test_shapes_that_surely_have_few_axes(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    assert not may_be_long(graph(nodes, **weights))


@pytest.mark.parametrize(
    ("nodes", "weights"),
    [
        ([node("Reshape", ["x", "s"], ["y"])], {}),
        ([node("Cast", ["s"], ["c"], to=INT64), node("Mul", ["c", "n"], ["t"]), RESHAPE], {"n": ONE}),
        ([node("ConstantOfShape", ["n"], ["t"]), RESHAPE], {"n": np.asarray([10**9])}),
        ([node("Mul", ["n", "n"], ["m"]), node("ConstantOfShape", ["m"], ["t"]), RESHAPE], {"n": np.asarray([10**5])}),
        ([node("Tile", ["few", "n"], ["t"]), RESHAPE], {"n": np.asarray([10**8])}),
        ([node("NonZero", ["x"], ["z"]), node("Unsqueeze", ["x", "z"], ["y"])], {}),
        ([node("Gather", ["few", "i"], ["t"]), RESHAPE], {"i": np.zeros(LONG + 1, np.int64)}),
    ],
)
def test_shapes_that_may_have_many(nodes: list[onnx.NodeProto], weights: dict[str, np.ndarray]) -> None:  # type: ignore[type-arg]
    assert may_be_long(graph(nodes, **weights))
