"""From what a package ships back to what its source model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.ir import InputBinding
from dlpuconv.plugin import Port
from dlpuconv.verification.translate import to_artifact, to_source
from dlpuconv.verification.verifier import verify_file
from dlpuconv_targets.cv25 import CV25
from tests.targets.cv25.networks import RNG, network, saved

if TYPE_CHECKING:
    from pathlib import Path

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


def test_a_float_file_that_loses_something_fails(monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert "60.0 dB, where 100 dB are required" in real.report.reasons[0]
    assert dlpuconv.convert(model, target="cv25", calibration=samples, min_sqnr=50, cache=False).verdict == "pass"
    assert dlpuconv.convert(model, target="cv25", cache=False).verdict == "fail"


def nothing_but_rounding() -> onnx.ModelProto:
    """BatchNormalization(Conv(x)) - Conv'(x), where Conv' is nearly both: a difference of large numbers."""
    weights = RNG.standard_normal((4, 16, 3, 3)).astype(np.float32)
    scale, shift, mean, variance = (RNG.uniform(0.5, 2, 4).astype(np.float32) for _ in range(4))
    factor = scale / np.sqrt(variance + np.float32(1e-5))
    constants = {
        "w": weights, "scale": scale, "shift": shift, "mean": mean, "variance": variance,
        "folded": weights * factor.reshape(4, 1, 1, 1) * np.float32(1 + 3e-6), "bias": shift - mean * factor,
    }  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["n"]),
            helper.make_node("Conv", ["x", "folded", "bias"], ["f"]),
            helper.make_node("Sub", ["n", "f"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 6, 6])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_the_rounding_of_the_source_itself_explains_is_no_failure(tmp_path: Path) -> None:
    samples = {"x": RNG.standard_normal((5, 16, 8, 8)).astype(np.float32)}
    conversion = dlpuconv.convert(nothing_but_rounding(), target="cv25", calibration=samples, cache=False)
    parity = conversion.report.parity
    assert parity is not None
    (output,) = parity.outputs
    assert output.sqnr_db is not None
    assert output.rounding_db is not None
    assert output.sqnr_db < 40
    assert output.rounding_db < 40
    assert conversion.verdict == "pass"
    assert "computed in another order" in conversion.report.warnings[-1]
    assert f"{output.rounding_db:.1f} dB" in conversion.report.warnings[-1]
    again = verify_file(saved(conversion, tmp_path), CV25)  # beside its own record, where nothing differs
    assert again.passed
    asked = dlpuconv.convert(nothing_but_rounding(), target="cv25", calibration=samples, min_sqnr=100, cache=False)
    assert asked.verdict == "fail"
