"""Outputs that are the same for every input, as interval arithmetic on the file tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.ir.affine import Affine
from dlpuconv.verification.rule import Severity
from dlpuconv.verification.rules import TFLITE_RULES
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.verification.tflite_models import (
    activation,
    bias,
    constant,
    conv,
    file_of,
    findings,
    healthy,
    one_op,
    options,
)

RELU, RELU6 = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.RELU6


def dense(weight: int, *, start: int = 0, made: float = 1.0, fused: int = 0, zero_point: int = 0) -> Operator:
    """One input of -128 to 127 halves, times `weight` halves, plus `start` quarters, in steps of `made`."""
    x = activation("x", (1, 1), scale=0.5)
    kernels = Tensor("w", (1, 1), np.dtype(np.int8), np.full((1, 1), weight, np.int8), Affine.of(0.5, 0))
    added = bias("b", x, kernels, 1)
    added.data = np.full(1, start, np.int32)
    y = activation("y", (1, 1), scale=made, zero_point=zero_point)
    chosen = options("FullyConnected", fusedActivationFunction=fused)
    return Operator("FULLY_CONNECTED", [x, kernels, added], [y], chosen)


def is_dead(layer: Operator) -> bool:
    return "TFL-DEAD" in findings(one_op(layer), TFLITE_RULES)


@pytest.mark.parametrize(
    ("layer", "dead"),
    [
        (dense(0), True),
        (dense(1), False),
        # products of -32 to 31.75: less than half a step of 65, more than half a step of 63
        (dense(1, made=65.0), True),
        (dense(1, made=63.0), False),
        # 500 quarters more: -32 to 31.75 are 93 to 156.75, all above the highest step of 0.5 (63.5)
        (dense(1, start=500, made=0.5), True),
        (dense(1, start=500, made=1.0), False),
        # and 500 less are below zero, where ReLU has one value only
        (dense(1, start=-500, made=1.0, fused=RELU), True),
        (dense(1, start=-500, made=1.0), False),
        # 93 and more are all 6
        (dense(1, start=500, made=1.0, fused=RELU6), True),
        (dense(1, start=20, made=1.0, fused=RELU6), False),
    ],
)
def test_a_layer_that_no_input_moves_by_half_a_step_is_dead(layer: Operator, dead: bool, tmp_path: Path) -> None:
    assert is_dead(layer) is dead
    file = tmp_path / "m.tflite"
    file.write_bytes(one_op(layer))
    run = LiteRtRunner(file)
    answers = {int(run.run({"x": np.full((1, 1), q, np.int8)})["y"].item()) for q in range(-128, 128)}
    assert (len(answers) == 1) is dead  # as the integer kernels have it


def test_one_channel_that_moves_keeps_an_output_alive() -> None:
    layer = conv(activation("x", (1, 8, 8, 3)), "y", 4)
    assert layer.input(1).data is not None
    data = np.zeros_like(layer.input(1).data)
    layer.input(1).data = data.copy()
    assert is_dead(layer)
    data[2] = 50
    layer.input(1).data = data
    assert not is_dead(layer)


def test_what_follows_a_dead_layer_is_dead_and_the_layer_is_named() -> None:
    layer = dense(0)
    after = activation("after", (1, 1))
    content = file_of([layer.input(0)], [after], layer, Operator("RELU", [layer.output], [after]))
    found = findings(content, TFLITE_RULES)
    assert found["TFL-DEAD"].severity is Severity.FAIL
    assert found["TFL-DEAD"].hits[0].detail == "it comes from y, whose weights are too small to move it by half a step"


def test_an_output_that_no_input_reaches_is_dead() -> None:
    x, y, anchors = activation("x", (1, 4)), activation("y", (1, 4)), activation("anchors", (1, 4))
    data = constant("data", np.ones((1, 4)), "int8")
    data.quantization = anchors.quantization
    found = findings(
        file_of([x], [y, anchors], Operator("RELU", [x], [y]), Operator("RELU", [data], [anchors])), TFLITE_RULES
    )
    assert [(hit.layer, hit.detail) for hit in found["TFL-DEAD"].hits] == [("anchors", "it comes from a constant")]


def test_a_sum_with_a_live_branch_is_alive() -> None:
    layer = dense(0)
    total = activation("total", (1, 1))
    added = Operator("ADD", [layer.output, layer.input(0)], [total], options("Add"))
    assert "TFL-DEAD" not in findings(file_of([layer.input(0)], [total], layer, added), TFLITE_RULES)


def test_a_sound_file_is_alive() -> None:
    found: dict[str, Any] = findings(healthy(), TFLITE_RULES)
    assert "TFL-DEAD" not in found
