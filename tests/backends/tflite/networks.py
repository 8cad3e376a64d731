"""Small float networks of several layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from tests.backends.tflite.models import activation, constant

if TYPE_CHECKING:
    from tests.backends.tflite.models import Arrays

SAME, VALID = 0, 1
RELU, RELU6 = 1, 3


def conv(source: Tensor, made: Tensor, weights: Any, bias: Any, activation_function: int = 0) -> Operator:
    """A convolution with stride 1 and padding SAME, [O, KH, KW, I] weights."""
    return _layer("CONV_2D", schema.Conv2DOptionsT(), (source, made), (weights, bias), activation_function)


def depthwise(source: Tensor, made: Tensor, weights: Any, bias: Any, activation_function: int = 0) -> Operator:
    """A depthwise convolution with stride 1 and padding SAME, [1, KH, KW, C] weights."""
    options = schema.DepthwiseConv2DOptionsT()
    options.depthMultiplier = 1
    return _layer("DEPTHWISE_CONV_2D", options, (source, made), (weights, bias), activation_function)


def _layer(
    kind: str, options: Any, ends: tuple[Tensor, Tensor], constants: tuple[Any, Any], activation_function: int
) -> Operator:
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.padding = SAME
    options.fusedActivationFunction = activation_function
    source, made = ends
    weights, bias = (constant(f"{made.name}.{n}", v) for n, v in zip("wb", constants, strict=True))
    return Operator(kind, [source, weights, bias], [made], options, made.name)


def separable(first: Any, first_bias: Any, middle: Any, last: Any) -> Graph:
    """Conv 1x1 and ReLU6, depthwise 3x3 and ReLU6, conv 1x1: over x of [1, 4, 4, 2]."""
    count = len(first_bias)
    x, y = activation("x", 1, 4, 4, 2), activation("y", 1, 4, 4, np.shape(last)[0])
    a, b = activation("a", 1, 4, 4, count), activation("b", 1, 4, 4, count)
    layers = [
        conv(x, a, np.reshape(first, (count, 1, 1, 2)), first_bias, RELU6),
        depthwise(a, b, middle, np.zeros(count), RELU6),
        conv(b, y, np.reshape(last, (-1, 1, 1, count)), np.full(np.shape(last)[0], 0.25)),
    ]
    return Graph([x], [y], layers)


def pixels(count: int, seed: int = 0) -> list[Arrays]:
    """Samples in 0..1 for x."""
    random = np.random.default_rng(seed)
    return [{"x": random.random((1, 4, 4, 2), np.float32)} for _ in range(count)]
