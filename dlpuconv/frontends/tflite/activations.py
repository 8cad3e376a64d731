"""Activations, and what normalizes the values along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.frontends.tflite.step import Step

_SMALLEST_NORM: Final = 1e-6  # kernels/internal/reference/l2normalization.h


def bounded(low: float, high: float) -> Callable[[Step], None]:
    """min(max(x, low), high)."""

    def read(step: Step) -> None:
        operand = step.alone()
        step.give("Clip", [*operand.names, step.scalar(low), step.scalar(high)], first=operand.first)

    return read


def leaky_relu(step: Step) -> None:
    """x, or alpha * x below zero."""
    operand = step.alone()
    step.give("LeakyRelu", operand.names, first=operand.first, alpha=float(step.option("alpha", 0.0)))


def prelu(step: Step) -> None:
    """x, or alpha * x below zero, where alpha is broadcast."""
    operands = step.together(0, 1)
    step.give("PRelu", operands.names, first=operands.first)


def gelu(step: Step) -> None:
    """By the error function, or approximated by tanh."""
    operand = step.alone()
    approximate = "tanh" if step.option("approximate", default=False) else "none"
    step.give("Gelu", operand.names, first=operand.first, approximate=approximate)


def softmax(step: Step) -> None:
    """Along the last axis, of beta * x."""
    operand = step.alone()
    beta, value = float(step.option("beta", 1.0)), operand.names[0]
    if beta != 1.0:
        value = step.node("Mul", [value, step.scalar(beta)])
    step.give("Softmax", [value], first=operand.first, axis=operand.axis(-1, step.rank()))


def log_softmax(step: Step) -> None:
    """Along the last axis."""
    operand = step.alone()
    step.give("LogSoftmax", operand.names, first=operand.first, axis=operand.axis(-1, step.rank()))


def l2_normalization(step: Step) -> None:
    """X / max(|x|, 1e-6) along the last axis."""
    operand = step.alone()
    axis = step.constant([operand.axis(-1, step.rank())])
    norm = step.node("ReduceL2", [*operand.names, axis], keepdims=1)
    bounded_norm = step.node("Max", [norm, step.scalar(_SMALLEST_NORM)])
    step.give("Div", [*operand.names, bounded_norm], first=operand.first)


def local_response_normalization(step: Step) -> None:
    """X / (bias + alpha * sum of squares of neighbouring channels)^beta; ONNX takes alpha / size."""
    size = 2 * int(step.option("radius")) + 1
    step.give(
        "LRN",
        [step.first(0)],
        first=True,
        size=size,
        alpha=float(step.option("alpha")) * size,
        beta=float(step.option("beta")),
        bias=float(step.option("bias")),
    )
