"""Layers and files to hold against the rules of the chips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.ir.affine import Affine
from dlpuconv.verification.rules import TFLITE_RULES
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.verification.tflite_models import (
    activation,
    constant,
    conv,
    edited,
    file_of,
    findings,
    one_op,
    options,
    weights,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.plugin import Target


X = (1, 8, 8, 16)
SIDES = [[0, 0], [1, 1], [1, 1], [0, 0]]


def of(operator: Operator, target: Target) -> set[str]:
    """The chip's own rules that a file of one operator breaks."""
    return own(one_op(operator), target)


def image(name: str = "x", shape: Sequence[int] = X, scale: float = 0.05) -> Tensor:
    return activation(name, shape, scale=scale)


def scalar(value: int = 3, shape: Sequence[int] = ()) -> Tensor:
    data = np.full(tuple(shape), value, np.int8)
    return Tensor("c", tuple(shape), data.dtype, data, Affine.of(0.05, 0))


def depthwise(multiplier: int = 1, stride: int = 1, kernel: int = 3) -> Operator:
    made = activation("y", (1, 8 // stride, 8 // stride, 16 * multiplier))
    kernels = weights("w", (1, kernel, kernel, 16 * multiplier), axis=3)
    chosen = options("DepthwiseConv2D", strideH=stride, strideW=stride, depthMultiplier=multiplier)
    return Operator("DEPTHWISE_CONV_2D", [image(), kernels], [made], chosen)


def pool(kind: str, window: int, stride: int, *, valid: bool = False, side: int = 8, fused: int = 0) -> Operator:
    chosen = options(
        "Pool2D",
        padding=int(valid),
        strideH=stride,
        strideW=stride,
        filterHeight=window,
        filterWidth=window,
        fusedActivationFunction=fused,
    )
    made = (side - window) // stride + 1 if valid else -(-side // stride)
    return Operator(kind, [image(shape=(1, side, side, 16))], [image("y", (1, made, made, 16))], chosen)


def concat(*depths: int, axis: int = 3, scale: float = 0.05, fused: int = 0) -> Operator:
    parts = [image(f"p{i}", (1, 8, 8, d)) for i, d in enumerate(depths)]
    made = image("y", (1, 8, 8, sum(depths)), scale)
    return Operator(
        "CONCATENATION", [*parts], [made], options("Concatenation", axis=axis, fusedActivationFunction=fused)
    )


def binary(kind: str, a: Tensor, b: Tensor, made: Tensor | None = None) -> Operator:
    return Operator(kind, [a, b], [made or image("y")], options("Add" if kind == "ADD" else "Mul"))


def behind(layer: Operator, *more: Operator) -> bytes:
    """A file of layers, each of which reads the one before; the first reads the file's only input."""
    return file_of([layer.input(0)], more[-1].outputs, layer, *more)


def own(content: bytes, target: Target) -> set[str]:
    """The chip's own rules that a file breaks."""
    return set(findings(content, target.rules)) - {rule.id for rule in TFLITE_RULES}


def padded(amounts: list[list[int]]) -> Operator:
    made = tuple(n + sum(p) for n, p in zip(X, amounts, strict=True))
    return Operator("PAD", [image(), constant("amounts", amounts)], [image("y", made)], options("Pad"))


def resized(kind: str, height: int, width: int) -> Operator:
    made = image("y", (1, height, width, 16))
    return Operator(kind, [image(), constant("size", [height, width])], [made], None)


def squashed(kind: str, scale: float, zero_point: int) -> Operator:
    return Operator(kind, [image()], [activation("y", X, scale=scale, zero_point=zero_point)])


def mean(side: int, axes: list[int]) -> Operator:
    x = image(shape=(1, side, side, 16))
    return Operator("MEAN", [x, constant("axes", axes)], [image("y", (1, 16))], options("Reducer"))


def split(axis: int, count: int) -> Operator:
    depth = 16 // count if axis == 3 else 16
    parts = [image(f"y{i}", (1, 8 if axis == 3 else 8 // count, 8, depth)) for i in range(count)]
    return Operator("SPLIT", [constant("axis", axis), image()], parts, options("Split", numSplits=count))


def concat_with(value: int, more: int = 0) -> Operator:
    """An activation and a constant of this value (and more activations) along the channels."""
    parts = [
        image("p", (1, 8, 8, 4)),
        scalar(value, (1, 8, 8, 4)),
        *(image(f"p{i}", (1, 8, 8, 4)) for i in range(more)),
    ]
    made = image("y", (1, 8, 8, 4 * len(parts)))
    return Operator("CONCATENATION", [*parts], [made], options("Concatenation", axis=3))


def fully_connected(shape: Sequence[int]) -> Operator:
    x, made = activation("x", (shape[0], 8)), activation("y", shape)
    return Operator("FULLY_CONNECTED", [x, weights("w", (shape[-1], 8))], [made], options("FullyConnected"))


def by_computed_weights() -> Operator:
    """A product of two activations, as attention has it."""
    x, other, made = activation("x", (1, 8)), activation("other", (4, 8)), activation("y", (1, 4))
    return Operator("FULLY_CONNECTED", [x, other], [made], options("FullyConnected"))


def transposed_conv(stride: int) -> Operator:
    x, made = image(), image("y", (1, 8 * stride, 8 * stride, 16))
    size, kernels = constant("size", made.shape), weights("w", (16, 3, 3, 16))
    chosen = options("TransposeConv", strideH=stride, strideW=stride)
    return Operator("TRANSPOSE_CONV", [size, kernels, x], [made], chosen)


def alternating(fallbacks: int) -> bytes:
    """RELU, ROUND, RELU, ROUND ... RELU."""
    first = image()
    value, operators = first, []
    for i in range(fallbacks):
        known, unknown = image(f"known{i}"), image(f"unknown{i}")
        operators += [Operator("RELU", [value], [known]), Operator("ROUND", [known], [unknown])]
        value = unknown
    last = image("last")
    return file_of([first], [last], *operators, Operator("RELU", [value], [last]))


def with_uneven_dilation() -> Operator:
    layer = conv(image(), "y", 8)
    layer.options.dilationHFactor = 2
    return layer


def compiled(*, after: bool = False) -> bytes:
    """What edgetpu_compiler writes: one custom op, and what it did not map behind it."""
    x, y = image(), activation("y", (1, 10))
    made = activation("made", (1, 10)) if after else y
    inside = Operator("SOFTMAX", [x], [made])
    rest = [Operator("LEAKY_RELU", [made], [y])] if after else []

    def change(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "edgetpu-custom-op"

    return edited(file_of([x], [y], inside, *rest), change)
