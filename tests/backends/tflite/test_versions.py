"""Versions as TensorFlow's own op_version.cc gives them, and runtimes as its runtime_version.cc does."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.affine import Affine
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.runtime import metadata
from dlpuconv_backends.tflite.versions import version_of
from tests.backends.tflite.models import constant


def int8(*shape: int, scale: float = 0.1) -> Tensor:
    return Tensor("t", shape, np.dtype(np.int8), None, Affine.of(scale, 0))


def weights(*shape: int) -> Tensor:
    return constant("w", np.zeros(shape), np.int8)


def options(kind: str, **values: object) -> object:
    made = getattr(schema, f"{kind}OptionsT")()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def op(kind: str, inputs: list[Tensor | None], *shape: int, made: object = None, scale: float = 0.1) -> Operator:
    return Operator(kind, inputs, [int8(*shape, scale=scale)], made)


MAP = (1, 4, 4, 8)
BIAS = constant("b", np.zeros(8), np.int32)


@pytest.mark.parametrize(
    ("operator", "version"),
    [
        (op("CONV_2D", [int8(*MAP), weights(8, 1, 1, 8), BIAS], *MAP), 3),
        (op("CONV_2D", [int8(*MAP), weights(8, 1, 1, 4), BIAS], *MAP), 6),  # in groups
        (op("DEPTHWISE_CONV_2D", [int8(*MAP), weights(1, 3, 3, 8), BIAS], *MAP), 3),
        (op("FULLY_CONNECTED", [int8(1, 8), weights(8, 8), BIAS], 1, 8, made=options("FullyConnected")), 4),
        (op("FULLY_CONNECTED", [int8(1, 8), weights(8, 8), None], 1, 8, made=options("FullyConnected")), 4),
        (op("FULLY_CONNECTED", [int8(1, 8), weights(8, 8)], 1, 8, made=options("FullyConnected")), 6),
        (
            op(
                "FULLY_CONNECTED",
                [int8(1, 8), weights(8, 8), BIAS],
                1,
                8,
                made=options("FullyConnected", keepNumDims=True),
            ),
            5,
        ),
        (op("TRANSPOSE_CONV", [constant("s", MAP, np.int32), weights(8, 3, 3, 8), int8(*MAP)], *MAP), 2),
        (op("TRANSPOSE_CONV", [constant("s", MAP, np.int32), weights(8, 3, 3, 8), int8(*MAP), BIAS], *MAP), 3),
        (op("MUL", [int8(*MAP, scale=0.1), int8(*MAP, scale=0.1)], *MAP, scale=0.1), 2),
        (op("MUL", [int8(*MAP, scale=0.5), int8(*MAP, scale=0.5)], *MAP, scale=0.1), 3),  # rescaled by 2.5
        (op("ADD", [int8(*MAP), int8(*MAP)], *MAP), 2),
        (op("CONCATENATION", [int8(*MAP), int8(*MAP)], *MAP), 2),
        (op("PAD", [int8(*MAP), constant("p", np.zeros((4, 2)), np.int32)], *MAP), 2),
        (op("TRANSPOSE", [int8(*MAP)], *MAP), 2),
        (op("TRANSPOSE", [int8(1, *MAP)], 1, *MAP), 4),
        (op("RESIZE_BILINEAR", [int8(*MAP)], *MAP, made=options("ResizeBilinear")), 2),
        (op("RESIZE_BILINEAR", [int8(*MAP)], *MAP, made=options("ResizeBilinear", halfPixelCenters=True)), 3),
        (
            op("RESIZE_NEAREST_NEIGHBOR", [int8(*MAP)], *MAP, made=options("ResizeNearestNeighbor", alignCorners=True)),
            3,
        ),
        (op("STRIDED_SLICE", [int8(*MAP)], *MAP, made=options("StridedSlice")), 2),
        (op("SPACE_TO_BATCH_ND", [int8(1, 4, 8)], 1, 4, 8), 3),
        (op("RESHAPE", [int8(*MAP)], *MAP), 1),
        (op("PRELU", [int8(*MAP), weights(1, 1, 8)], *MAP), 1),
        (op("QUANTIZE", [int8(*MAP)], *MAP), 1),
        (Operator("LOGICAL_NOT", [constant("c", [True], np.bool_)], [Tensor("t", (1,), np.dtype(np.bool_))]), 1),
        (Operator("GATHER", [constant("c", [True], np.bool_)], [Tensor("t", (1,), np.dtype(np.bool_))]), 3),
    ],
    ids=lambda value: f"{value.kind}" if isinstance(value, Operator) else str(value),
)
def test_an_operator_has_the_lowest_version_that_expresses_it(operator: Operator, version: int) -> None:
    assert version_of(operator) == version


def test_the_runtime_is_written_in_sixteen_bytes_as_tensorflow_does() -> None:
    assert metadata("2.3.0") == b"2.3.0" + bytes(11)


def test_versions_are_asked_of_whole_graphs_by_operator() -> None:
    from dlpuconv_backends.tflite.versions import versions_of

    first = op("ADD", [int8(*MAP), int8(*MAP)], *MAP)
    assert versions_of(Graph([], [], [first])) == {first: 2}
