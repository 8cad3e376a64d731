"""A chip that takes float files is refused before any work, and once more where the file would be made."""

from __future__ import annotations

import pytest

from dlpuconv.errors import UsageError
from dlpuconv.quantization import Recipe
from dlpuconv.workflow.backends import _demand_fitting
from dlpuconv_backends.tflite.backend import TFLiteBackend, TFLitePrepared
from dlpuconv_targets.artpec import ARTPEC8
from dlpuconv_targets.cv25 import CV25

SENTENCE = "cv25 takes float32 files; the tflite backend makes int8 ones"


def test_a_target_that_takes_floats_is_refused_before_anything_is_started() -> None:
    _demand_fitting(TFLiteBackend, [ARTPEC8])
    with pytest.raises(UsageError, match=SENTENCE + ".*its own: onnx-float"):
        _demand_fitting(TFLiteBackend, [ARTPEC8, CV25])


def test_a_target_that_takes_floats_is_refused_by_emit() -> None:
    with pytest.raises(UsageError, match=SENTENCE):
        TFLiteBackend().emit(object.__new__(TFLitePrepared), CV25, Recipe(granularity=ARTPEC8.scheme.weights))
