"""Conversions with as few and as poor samples as somebody may try first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import numpy_helper, parser

import dlpuconv

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(1)
NETWORK = """
<ir_version: 8, opset_import: ["" : 17]>
pooled (float[1, 3, 8, 8] x) => (float[1, 4] y) {
  a = Conv <pads = [1, 1, 1, 1]> (x, w1, b1)
  b = Relu (a)
  c = GlobalAveragePool (b)
  d = Flatten (c)
  y = Gemm <transB = 1> (d, w2, b2)
}
"""


def network() -> onnx.ModelProto:
    """A layer behind a global pooling sees one position a sample."""
    model = parser.parse_model(NETWORK)
    for name, shape in {"w1": (16, 3, 3, 3), "b1": (16,), "w2": (4, 16), "b2": (4,)}.items():
        values = 0.3 * RANDOM.standard_normal(shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    return model


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(RANDOM.standard_normal((1, 3, 8, 8)), id="one"),
        pytest.param(RANDOM.standard_normal((2, 3, 8, 8)), id="two"),
        pytest.param(np.repeat(RANDOM.standard_normal((1, 3, 8, 8)), 6, axis=0), id="the same again and again"),
        pytest.param(np.concatenate([np.zeros((1, 3, 8, 8)), RANDOM.standard_normal((4, 3, 8, 8))]), id="first zero"),
        pytest.param(1e18 * RANDOM.standard_normal((3, 3, 8, 8)), id="huge"),
    ],
)
def test_few_or_poor_samples_end_no_conversion(samples: npt.NDArray[np.float64]) -> None:
    done = dlpuconv.convert(
        network(), target="artpec8", calibration=samples.astype(np.float32), effort="best", cache=False
    )
    assert any("learned" in trial.recipe.summary for trial in done["artpec8"].provenance.trials)
    assert done.verdict == "pass"
