"""The built-in plugins keep to the contract that everybody's have to keep to."""

from __future__ import annotations

from typing import ClassVar

import pytest

from dlpuconv.testing import BackendContract, TargetContract

pytestmark = pytest.mark.slow


class TestArtpec7(TargetContract):
    target = "artpec7"


class TestArtpec8(TargetContract):
    target = "artpec8"


class TestArtpec9(TargetContract):
    target = "artpec9"


class TestCv25(TargetContract):
    target = "cv25"


class TestCv75(TargetContract):
    target = "cv75"


class TestOnnxruntime(TargetContract):
    target = "onnxruntime"


class TestOnnxQdq(BackendContract):
    target, backend = "onnxruntime", "onnx-qdq"


class TestOnnxFloat(BackendContract):
    target, backend = "cv25", "onnx-float"


class TestTflite(BackendContract):
    target, backend = "artpec8", "tflite"
    unsupported = ("Sin", "Cos")


class TestTensorflow(BackendContract):
    target, backend = "artpec8", "tensorflow"
    # TensorFlow leaves what has no integer form in float, and the verifier fails the file by TFL-FLOAT
    test_a_refusal_lists_all_that_cannot_be_converted: ClassVar[None] = None  # type: ignore[assignment]
