from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from dlpuconv_backends.tflite.receptive import columns_of, from_rows, positions_of, row_length, rows_of

from dlpuconv_backends.flatbuffer import Graph, Operator
from tests.backends.tflite.models import activation, constant, run

SAME, VALID = 0, 1


def layer(kind: str, options: Any, data: tuple[int, ...], weights: tuple[int, ...], out: tuple[int, ...]) -> Operator:
    """A layer without bias."""
    x, w = activation("x", *data), constant("w", np.random.default_rng(3).normal(size=weights))
    inputs = [constant("shape", out, np.int32), w, x] if kind == "TRANSPOSE_CONV" else [x, w]
    if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        inputs.append(constant("b", np.zeros(out[-1])))
    return Operator(kind, list(inputs), [activation("y", *out)], options, kind)


def convolution(padding: int, stride: tuple[int, int], dilation: tuple[int, int] = (1, 1)) -> Any:
    options = schema.Conv2DOptionsT()
    options.padding, (options.strideH, options.strideW) = padding, stride
    options.dilationHFactor, options.dilationWFactor = dilation
    return options


def depthwise(padding: int, stride: tuple[int, int], dilation: tuple[int, int], multiplier: int) -> Any:
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, (options.strideH, options.strideW) = padding, stride
    options.dilationHFactor, options.dilationWFactor = dilation
    options.depthMultiplier = multiplier
    return options


def transposed(padding: int, stride: int) -> Any:
    options = schema.TransposeConvOptionsT()
    options.padding, options.strideH, options.strideW = padding, stride, stride
    return options


LAYERS = {
    "conv": layer("CONV_2D", convolution(SAME, (2, 1)), (1, 7, 6, 2), (3, 3, 2, 2), (1, 4, 6, 3)),
    "dilated": layer("CONV_2D", convolution(VALID, (1, 1), (2, 1)), (1, 7, 6, 2), (3, 3, 2, 2), (1, 3, 5, 3)),
    "grouped": layer("CONV_2D", convolution(SAME, (1, 1)), (1, 5, 5, 4), (6, 3, 3, 2), (1, 5, 5, 6)),
    "depthwise": layer(
        "DEPTHWISE_CONV_2D", depthwise(SAME, (2, 2), (1, 1), 2), (1, 6, 5, 3), (1, 3, 3, 6), (1, 3, 3, 6)
    ),
    "dense": layer("FULLY_CONNECTED", schema.FullyConnectedOptionsT(), (2, 2, 3), (4, 6), (2, 4)),
    "transposed": layer("TRANSPOSE_CONV", transposed(SAME, 2), (1, 3, 4, 2), (3, 3, 3, 2), (1, 6, 8, 3)),
    "transposed, valid": layer("TRANSPOSE_CONV", transposed(VALID, 3), (1, 3, 4, 2), (3, 2, 2, 2), (1, 8, 11, 3)),
}


@pytest.mark.parametrize("op", LAYERS.values(), ids=LAYERS)
def test_rows_times_columns_are_what_the_layer_makes(op: Operator) -> None:
    data = next(t for t in op.inputs if t is not None and not t.is_constant)
    x = np.random.default_rng(4).normal(size=data.shape).astype(np.float32)
    expected = run(Graph([data], [op.output], [op]), {"x": x})["y"]
    weights = op.input(1).data
    assert weights is not None
    rows = rows_of(op, weights)
    assert rows.shape[2] == row_length(op)
    columns = columns_of(op, x, np.arange(positions_of(op)))
    made = np.einsum("gok,gpk->pgo", rows, columns).reshape(expected.shape)
    assert np.allclose(made, expected, atol=1e-5)


@pytest.mark.parametrize("op", LAYERS.values(), ids=LAYERS)
def test_rows_turn_back_into_weights(op: Operator) -> None:
    weights = op.input(1).data
    assert weights is not None
    assert np.array_equal(from_rows(op, rows_of(op, weights)), weights)


def test_positions_can_be_picked() -> None:
    op = LAYERS["conv"]
    x = np.random.default_rng(5).normal(size=op.input(0).shape)
    picked = np.array([1, 20, 7])
    assert np.array_equal(columns_of(op, x, picked), columns_of(op, x, np.arange(24))[:, picked])
