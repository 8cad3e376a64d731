"""Runtimes as TensorFlow's own runtime_version.cc gives them."""

from __future__ import annotations

from dlpuconv.formats.tflite_runtimes import as_numbers, first_runtime, min_runtime_version
from dlpuconv.formats.tflite_schema import OPERATORS


def test_the_first_runtime_that_has_every_operator_is_told() -> None:
    assert min_runtime_version([("CONV_2D", 3), ("ADD", 2)]) == "1.14.0"
    assert min_runtime_version([("CONV_2D", 3), ("HARD_SWISH", 1)]) == "1.15.0"
    assert min_runtime_version([("FULLY_CONNECTED", 6), ("GELU", 2), ("RELU_0_TO_1", 1)]) == "2.10.0"
    assert min_runtime_version([]) == "1.5.0"


def test_versions_are_compared_as_numbers() -> None:
    assert as_numbers("2.10.0") > as_numbers("2.9.0")


def test_what_the_table_does_not_know_is_not_made_up() -> None:
    assert first_runtime("CONV_2D", 6) == "2.9.0"
    assert first_runtime("CONV_2D", 7) is None
    assert first_runtime("CONV_2D", 0) is None
    assert first_runtime("BROADCAST_TO", 1) is None
    assert first_runtime("edgetpu-custom-op", 1) is None


def test_every_operator_of_the_table_is_in_the_schema() -> None:
    assert [op for op in OPERATORS if first_runtime(op, 1) is None and first_runtime(op, 2) is not None] == [
        "BROADCAST_TO"
    ]
