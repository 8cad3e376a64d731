"""The zoo's networks as float TFLite files of dlpuconv's own, read again: the same numbers and the same operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.passes.normal_form import normalize
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.lowering import lower
from tests.frontends.support import read
from tests.frontends.tflite.files import both, imported

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.ir import Model

pytestmark = [pytest.mark.zoo, pytest.mark.slow]


@pytest.mark.parametrize("name", ["cifar_efficientnet", "det_yolov5n_axis", "kws_kwt1", "sr_fsrcnn_x2"])
def test_a_network_is_the_same_after_its_way_through_a_file(zoo: Path, name: str) -> None:
    content = _float_file(read(zoo / name / "model.onnx"))
    for expected, got in zip(*both(content), strict=True):
        noise = np.square(got.astype(np.float64) - expected.astype(np.float64)).sum()
        assert noise <= 1e-11 * np.square(expected.astype(np.float64)).sum()
    again = _float_file(imported(content))
    assert _operators(again) == _operators(content)


def _float_file(model: Model) -> bytes:
    normal, _ = normalize(model)
    return encode(lower(normal, layouts={}).graph)


def _operators(content: bytes) -> list[str]:
    return [layer.op for layer in parse_tflite(content).layers]
