"""What is computed element by element: arithmetic, functions of one value, comparisons and choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.frontends.tflite.graph import UnreadError, element_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.frontends.tflite.step import Step

    type Reader = Callable[[Step], None]


def of_one(kind: str, **attributes: Any) -> Reader:
    """A function of one value that ONNX has."""

    def read(step: Step) -> None:
        operand = step.alone()
        step.give(kind, operand.names, first=operand.first, **attributes)

    return read


def of_two(kind: str) -> Reader:
    """A function of two values that ONNX has."""

    def read(step: Step) -> None:
        operands = step.together(0, 1)
        step.give(kind, operands.names, first=operands.first)

    return read


def add_n(step: Step) -> None:
    """The sum of any number of values."""
    operands = step.together(*range(len(step.layer.inputs)))
    step.give("Sum", operands.names, first=operands.first)


def squared_difference(step: Step) -> None:
    """(a - b)^2."""
    operands = step.together(0, 1)
    difference = step.node("Sub", operands.names)
    step.give("Mul", [difference, difference], first=operands.first)


def square(step: Step) -> None:
    """X * x."""
    operand = step.alone()
    step.give("Mul", [*operand.names, *operand.names], first=operand.first)


def rsqrt(step: Step) -> None:
    """1 / sqrt(x)."""
    operand = step.alone()
    step.give("Reciprocal", [step.node("Sqrt", operand.names)], first=operand.first)


def floor_div(step: Step) -> None:
    """floor(a / b); of integers, ONNX's division rounds to zero."""
    if not step.tensor(0).is_float:
        raise UnreadError("it divides integers")
    operands = step.together(0, 1)
    step.give("Floor", [step.node("Div", operands.names)], first=operands.first)


def floor_mod(step: Step) -> None:
    """A - floor(a / b) * b; of integers, ONNX's Mod does that."""
    operands = step.together(0, 1)
    if not step.tensor(0).is_float:
        step.give("Mod", operands.names, first=operands.first)
        return
    times = step.node("Floor", [step.node("Div", operands.names)])
    product = step.node("Mul", [times, operands.names[1]])
    step.give("Sub", [operands.names[0], product], first=operands.first)


def not_equal(step: Step) -> None:
    """A != b."""
    operands = step.together(0, 1)
    step.give("Not", [step.node("Equal", operands.names)], first=operands.first)


def select(step: Step) -> None:
    """The second value where the first one is true, else the third; in version 1, conditions may be of whole rows."""
    rows = len(step.tensor(0).shape) == 1 < len(step.tensor(1).shape)
    if step.layer.op == "SELECT" and rows:
        raise UnreadError("its conditions are of whole rows")
    operands = step.together(0, 1, 2)
    step.give("Where", operands.names, first=operands.first)


def cast(step: Step) -> None:
    """Another type."""
    operand = step.alone()
    step.give("Cast", operand.names, first=operand.first, to=element_type(step.output().dtype))


def copied(step: Step) -> None:
    """The same real numbers: what is quantized is no codes here."""
    operand = step.alone()
    step.give("Identity", operand.names, first=operand.first)


def dequantize(step: Step) -> None:
    """float16 becomes float32; of constants, here and now."""
    array = step.array(0)
    if array is not None:
        step.graph.know(step.output().index, array.astype("float32"))
    elif step.tensor(0).dtype == "float16":
        cast(step)
    else:
        copied(step)
