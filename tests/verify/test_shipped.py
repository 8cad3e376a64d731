"""From what a package ships back to what its source model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir import InputBinding
from dlpuconv.plugin import Port
from dlpuconv.verify.translate import to_artifact, to_source
from tests.targets.cv25.networks import RNG, network

if TYPE_CHECKING:
    import pytest

BINDING = InputBinding(
    name="x", channel_axis=3, multiplier=(2.0, 4.0, 5.0), offset=(10.0, 20.0, 30.0), order=(2, 0, 1), raw_pixels=True
)
PORT = Port(
    name="x", source_shape=(1, 1, 2, 3), shape=(1, 3, 1, 2), permutation=(0, 3, 1, 2), dtype="float32", file_name="x_0"
)


def test_pixels_become_what_the_source_model_takes() -> None:
    planes = np.asarray([[12, 10], [28, 20], [35, 30]], np.float32).reshape(1, 3, 1, 2)
    # (12-10)/2, (28-20)/4, (35-30)/5 are the source's channels 2, 0 and 1
    assert to_source(planes, PORT, BINDING).tolist() == [[[[2.0, 1.0, 1.0], [0.0, 0.0, 0.0]]]]


def test_the_way_back_is_the_inverse_of_the_way_there() -> None:
    value = RNG.standard_normal((1, 1, 2, 3)).astype(np.float32)
    there = to_artifact({"x": value}, (PORT,), {"x": BINDING})["x"]
    np.testing.assert_allclose(to_source(there.astype(np.float32), PORT, BINDING), value, atol=1e-5)
    plain = to_artifact({"x": value}, (PORT,), {})["x"]
    np.testing.assert_array_equal(to_source(plain.astype(np.float32), PORT, None), value)


def test_a_float_file_that_loses_something_fails_unless_its_samples_are_random(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import dlpuconv
    from dlpuconv.formats.ort_runner import OrtRunner

    model = network({"x": (1, 3, 6, 32)}, {"y": "x"})
    samples = {"x": RNG.integers(0, 256, (5, 3, 6, 32)).astype(np.float32)}
    run = OrtRunner.run
    seen = []

    def lossy(self: OrtRunner, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        seen.append(self)
        found = run(self, inputs)
        return (
            {name: np.asarray(value, np.float32) * np.float32(1.001) for name, value in found.items()}
            if self._name == "model.onnx"
            else found
        )

    monkeypatch.setattr(OrtRunner, "run", lossy)
    real = dlpuconv.convert(model, target="cv25", calibration=samples, cache=False)
    assert seen
    assert real.verdict == "fail"
    assert "60.0 dB, where 100 dB are asked for" in real.report.reasons[0]
    assert dlpuconv.convert(model, target="cv25", calibration=samples, min_sqnr=50, cache=False).verdict == "pass"
    assert dlpuconv.convert(model, target="cv25", cache=False).verdict == "pass"
