"""A chip that takes float files is refused before any work, and once more where the file would be made."""

from __future__ import annotations

from dlpuconv.quantization import Recipe
from dlpuconv.workflow.backends import _demand_fitting
from dlpuconv_backends.tflite.backend import TFLiteBackend, TFLitePrepared
from dlpuconv_targets.artpec import ARTPEC8
from dlpuconv_targets.cv25 import CV25
from tests.error_ids import raises_error

FACTS = ("cv25", "float32", "tflite", "int8")


def test_a_target_that_takes_floats_is_refused_before_anything_is_started() -> None:
    _demand_fitting(TFLiteBackend, [ARTPEC8])
    with raises_error("backend-numbers", *FACTS, "onnx-float"):
        _demand_fitting(TFLiteBackend, [ARTPEC8, CV25])


def test_a_target_that_takes_floats_is_refused_by_emit() -> None:
    with raises_error("backend-numbers", *FACTS):
        TFLiteBackend().emit(object.__new__(TFLitePrepared), CV25, Recipe(granularity=ARTPEC8.scheme.weights))
