"""Common rules that advise: what is joined, what is spelled out, and what is left to the application."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from dlpuconv.formats import FileView
from dlpuconv.verification.rule import Severity, Status
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
    plain,
    tensor_named,
)

SHAPE = (1, 4, 4, 3)


def value(name: str, shape: Sequence[int] = SHAPE, scale: float = 0.05) -> Tensor:
    return activation(name, shape, scale=scale)


def number(name: str) -> Tensor:
    made = constant(name, 1, "int8")
    made.quantization = value(name).quantization
    return made


def test_a_file_of_another_format_is_told_once_and_nothing_else() -> None:
    onnx = FileView(format="onnx", tensors=(), layers=(), inputs=(), outputs=())
    found = findings(onnx, TFLITE_RULES)
    assert {rule: finding.severity for rule, finding in found.items()} == {"TFL-FORMAT": Severity.FAIL}


def joined(op: str, scale: float, *, requantized: bool) -> bytes:
    """Boxes beside what `op` gives, in one scale, with a requantization between or without."""
    boxes, logits = value("boxes", scale=scale), value("logits")
    fine, coarse = value("fine", scale=1 / 256), value("coarse", scale=scale)
    steps = [Operator(op, [logits], [fine if requantized else coarse])]
    if requantized:
        steps.append(Operator("QUANTIZE", [fine], [coarse]))
    both = value("both", (1, 4, 4, 6), scale)
    join = Operator("CONCATENATION", [boxes, coarse], [both], options("Concatenation", axis=3))
    return file_of([boxes, logits], [both], *steps, join)


@pytest.mark.parametrize(("requantized", "name"), [(True, "fine"), (False, "coarse")])
def test_scores_joined_with_boxes_in_pixels_are_told(requantized: bool, name: str) -> None:
    """A step of 2.5 for values of 0 to 1."""
    found = findings(joined("LOGISTIC", 2.5, requantized=requantized), TFLITE_RULES)["TFL-CONCAT-RANGE"]
    assert (found.severity, found.hits[0].detail) == (Severity.WARN, f"{name} keeps 1 of its 256 steps")


@pytest.mark.parametrize("scale", [float("-inf"), float("inf"), float("nan"), -1.0, 0.0])
@pytest.mark.parametrize("name", ["fine", "coarse"])
def test_a_scale_that_cannot_be_leaves_joined_ranges_to_be_judged(name: str, scale: float) -> None:
    def change(model: Any) -> None:
        tensor_named(model, name).quantization.scale = np.array([scale], np.float32)

    found = findings(edited(joined("LOGISTIC", 2.5, requantized=True), change), TFLITE_RULES)
    assert {finding.status for finding in found.values()} == {Status.BROKEN}


@pytest.mark.parametrize("requantized", [True, False])
def test_scores_joined_with_boxes_of_their_range_are_fine(requantized: bool) -> None:
    assert "TFL-CONCAT-RANGE" not in findings(joined("LOGISTIC", 1 / 256, requantized=requantized), TFLITE_RULES)


def gelu(op: str = "TANH") -> bytes:
    """x (1 + tanh(0.8 x))."""
    x, t, s, y = value("x"), value("t", scale=1 / 128), value("s"), value("y")
    return file_of([x], [y], Operator(op, [x], [t]), Operator("ADD", [t, number("one")], [s], options("Add")),
                   Operator("MUL", [x, s], [y], options("Mul")))  # fmt: skip


def test_a_gelu_spelled_with_tanh_is_told() -> None:
    found = findings(gelu(), TFLITE_RULES)["TFL-GELU"]
    assert (found.severity, found.hits[0].detail) == (Severity.WARN, "TANH, ADD and MUL spell a GELU")
    assert "TFL-GELU" not in findings(gelu("RELU"), TFLITE_RULES)


def error_function(op: str = "ABS") -> bytes:
    """exp(-x x) beside |x|."""
    x, size, square, minus, e, y = (value(name) for name in ("x", "size", "square", "minus", "e", "y"))
    return file_of([x], [y], Operator(op, [x], [size]), Operator("MUL", [x, x], [square], options("Mul")),
                   Operator("NEG", [square], [minus]), Operator("EXP", [minus], [e]),
                   Operator("MUL", [size, e], [y], options("Mul")))  # fmt: skip


def test_an_error_function_spelled_as_a_polynomial_is_told() -> None:
    assert "an error function" in findings(error_function(), TFLITE_RULES)["TFL-GELU"].hits[0].detail
    assert "TFL-GELU" not in findings(error_function("RELU"), TFLITE_RULES)


def test_products_of_computed_tensors_are_discouraged() -> None:
    a, b, y = value("a", (1, 4, 4)), value("b", (1, 4, 4)), value("y", (1, 4, 4))
    product = Operator("BATCH_MATMUL", [a, b], [y], options("BatchMatMul"))
    assert findings(one_op(product), TFLITE_RULES)["TFL-ATTENTION"].severity is Severity.WARN
    weights = constant("w", np.ones((1, 4, 4)), "int8")
    weights.quantization = a.quantization
    by_weights = Operator("BATCH_MATMUL", [a, weights], [y], options("BatchMatMul"))
    assert "TFL-ATTENTION" not in findings(one_op(by_weights), TFLITE_RULES)


def test_post_processing_left_in_the_graph_is_told() -> None:
    best, where = value("best", (1, 3)), plain("where", (1, 3), "int32")
    sort = Operator("TOPK_V2", [value("x", (1, 9)), constant("k", 3)], [best, where])
    (hit,) = findings(one_op(sort), TFLITE_RULES)["TFL-POST-PROCESSING"].hits
    assert hit.detail == "TOPK_V2 runs on the CPU"


@pytest.mark.parametrize(
    ("rule", "shape", "broken"),
    [
        ("TFL-LAYOUT", (1, 3, 8, 8), True),
        ("TFL-LAYOUT", (1, 8, 8, 3), False),
        ("TFL-LAYOUT", (1, 8, 8, 64), False),
        ("TFL-EVEN", (1, 8, 9, 3), True),
        ("TFL-EVEN", (1, 3, 8, 9), True),
        ("TFL-EVEN", (1, 8, 10, 3), False),
        ("TFL-INPUTS", (1, 8, 8), True),
        ("TFL-INPUTS", (1, 8, 8, 3), False),
    ],
)
def test_inputs_that_need_more_code_on_the_camera_warn(rule: str, shape: Sequence[int], broken: bool) -> None:
    found = findings(one_op(Operator("RELU", [value("x", shape)], [value("y", shape)])), TFLITE_RULES)
    assert (rule in found) is broken
    assert all(finding.severity is Severity.WARN for finding in found.values())


def test_two_inputs_are_more_than_the_examples_take() -> None:
    added = Operator("ADD", [value("a"), value("b")], [value("y")], options("Add"))
    assert findings(one_op(added), TFLITE_RULES)["TFL-INPUTS"].hits[0].detail == "there are 2 inputs"


def test_a_plain_network_gets_no_advice() -> None:
    assert findings(one_op(conv(value("x", (1, 8, 8, 3)), "y", 4)), TFLITE_RULES) == {}
