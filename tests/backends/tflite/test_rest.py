"""A part for the camera's CPU as a float TFLite file: ends as the ONNX file has them, and the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from dlpuconv.formats.detect import read, runner
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv_backends.tflite.backend import TFLiteBackend

if TYPE_CHECKING:
    from pathlib import Path

TAIL = """
<ir_version: 9, opset_import: ["" : 17]>
g (float[1, 6, 5, 3] maps, float[1, 15] angles) => (float[1, 6, 5, 3] wave, float[1, 15] turned) {
  s = Sin(maps)
  wave = Mul(s, maps)
  c = Cos(angles)
  turned = Add(c, angles)
}
"""


@pytest.mark.slow
def test_it_computes_the_same_under_the_same_names_and_axes(tmp_path: Path) -> None:
    model = onnx.parser.parse_model(TAIL)
    normal, _ = normalize(load(model, SourceOptions()))
    file = tmp_path / "tail.tflite"
    file.write_bytes(TFLiteBackend().rest(normal))
    view = read(file)
    told = [[(view.tensors[at].name, view.tensors[at].shape) for at in ends] for ends in (view.inputs, view.outputs)]
    assert told == [[("maps", (1, 6, 5, 3)), ("angles", (1, 15))], [("wave", (1, 6, 5, 3)), ("turned", (1, 15))]]
    rng = np.random.default_rng(0)
    sample = {name: rng.uniform(-3, 3, shape).astype(np.float32) for name, shape in told[0]}
    wanted, found = OrtRunner(model.SerializeToString()).run(sample), runner(file).run(sample)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name].astype(float), value.astype(float), rtol=1e-5, atol=1e-5)
