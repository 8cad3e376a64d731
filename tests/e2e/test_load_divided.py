"""Divided networks from one end to the other: converted, loaded, verified, with reference data of the whole."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from dlpuconv.errors import ModelError
from tests.division.constructs import FOREIGN, RUNNING, weights

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.workflow.conversion import Conversion

pytestmark = pytest.mark.slow
X = np.random.default_rng(3).standard_normal((12, 3, 32, 32)).astype(np.float32)
TARGET = "artpec8"


def converted(model: onnx.ModelProto, folder: Path, target: str = TARGET) -> tuple[Conversion, Path]:
    conversion = dlpuconv.convert(
        model.SerializeToString(),
        target=target,
        calibration=X,
        effort="fast",
        min_sqnr=-200,
        progress=None,
        cache=False,
    )
    (path,) = conversion.save(folder)
    return conversion, path


def source_answers(model: onnx.ModelProto, x: npt.NDArray[np.float32]) -> dict[str, Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, {"x": x}), strict=True))


@pytest.mark.parametrize("name", RUNNING)
def test_a_float_package_with_its_tail_is_the_source_model(name: str, tmp_path: Path) -> None:
    model = RUNNING[name]()
    _, folder = converted(model, tmp_path, "cv25")
    network = dlpuconv.load(folder)
    for x in X[:4]:
        expected, got = source_answers(model, x[None]), network(x[None])
        assert list(got) == list(expected)
        for output, value in expected.items():
            np.testing.assert_allclose(got[output], value, rtol=1e-4, atol=1e-4)


def chained_by_hand(path: Path, codes: dict[str, Any], x: npt.NDArray[np.float32]) -> dict[str, Any]:
    """The source's outputs from what a file gave, by what its manifest says and ONNX Runtime alone."""
    told = json.loads(path.with_suffix(".json").read_text())
    values: dict[str, Any] = {"x": x}
    for output in told["outputs"]:
        assert output["part"] is None
        real = (codes[output["name"]].astype(np.float32) - output["zero_point"]) * np.float32(output["scale"])
        if len(output["permutation"]) == real.ndim:  # a number of the source is an array of one in the file
            real = real.transpose(np.argsort(output["permutation"]))
        values[output["name"]] = real.reshape(output["source_shape"])
    session = onnxruntime.InferenceSession(path.parent / told["division"]["tail"]["file"])
    feed = {given.name: values[given.name] for given in session.get_inputs()}
    made = zip((output.name for output in session.get_outputs()), session.run(None, feed), strict=True)
    values |= dict(made)
    return {wire["name"]: values[wire["name"]] for wire in told["division"]["outputs"]}


@pytest.mark.parametrize("name", ["NonMaxSuppression and Gather", "NonZero", "Loop"])
def test_load_reference_data_and_a_chain_by_hand_are_one_and_the_same(name: str, tmp_path: Path) -> None:
    conversion, path = converted(RUNNING[name](), tmp_path)
    network = dlpuconv.load(path)
    with np.load(path.with_suffix(".reference.npz")) as stored:
        reference = {key: stored[key] for key in stored}
    port = conversion[TARGET].artifact.inputs[0]
    for number in range(3):
        codes = reference["input.x"][number]
        assert port.quantization is not None
        x = port.quantization.decode(codes).transpose(np.argsort(port.permutation)).astype(np.float32)
        outputs = {
            key.removeprefix("output."): reference[key][number] for key in reference if key.startswith("output.")
        }
        for output, value in chained_by_hand(path, outputs, x).items():
            np.testing.assert_allclose(network(x)[output], value, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(reference[f"source_output.{output}.{number}"], value, rtol=1e-5, atol=1e-5)


def test_a_file_is_verified_beside_its_source_at_the_cut_and_behind_the_tail(tmp_path: Path) -> None:
    model = RUNNING["Loop"]()
    conversion, path = converted(model, tmp_path)
    made = conversion.report.parity
    verified = dlpuconv.verify(path, target=TARGET, reference=model, data=X, min_sqnr=-200, progress=None).report.parity
    assert made is not None
    assert verified is not None
    assert [output.name for output in made.outputs] == [output.name for output in verified.outputs]
    assert [output.name for output in made.behind] == [output.name for output in verified.behind] == ["y"]
    assert verified.behind[0].sqnr_db is not None
    assert verified.behind[0].sqnr_db > 25
    assert verified.samples == len(X)


def test_a_tail_that_was_exchanged_with_its_manifest_shows_behind_it(tmp_path: Path) -> None:
    model = RUNNING["Loop"]()
    _, path = converted(model, tmp_path)
    told = json.loads(path.with_suffix(".json").read_text())
    tail = tmp_path / told["division"]["tail"]["file"]
    other = onnx.load(tail)
    for number, tensor in enumerate(other.graph.initializer):
        if tensor.name == "zeros":
            other.graph.initializer[number].CopyFrom(numpy_helper.from_array(np.full((1, 64, 4), 50, "f"), "zeros"))
    tail.write_bytes(other.SerializeToString())
    for entry in told["files"]:
        if entry["name"] == tail.name:
            entry["sha256"] = hashlib.sha256(tail.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(told))
    parity = dlpuconv.verify(path, target=TARGET, reference=model, data=X, min_sqnr=-200, progress=None).report.parity
    assert parity is not None
    assert min(output.sqnr_db or 0 for output in parity.outputs) > 25
    assert parity.behind[0].max_error > 45


def test_a_reference_of_other_values_is_told(tmp_path: Path) -> None:
    _, path = converted(RUNNING["Loop"](), tmp_path)
    with pytest.raises(ModelError, match="is another model than the manifest tells of: it has no value 'boxes'"):
        dlpuconv.verify(path, target=TARGET, reference=other_model(), data=X, progress=None)


def other_model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 32, 32])],
        [numpy_helper.from_array(weights(4, 3, 1, 1), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("name", FOREIGN)
def test_a_tail_of_another_runtime_leaves_the_figures_at_the_cut_and_load_says_why(name: str, tmp_path: Path) -> None:
    model = FOREIGN[name]()
    conversion, path = converted(model, tmp_path)
    for parity in (
        conversion.report.parity,
        dlpuconv.verify(path, target=TARGET, reference=model, data=X, min_sqnr=-200, progress=None).report.parity,
    ):
        assert parity is not None
        assert parity.rated
        assert parity.behind == ()
        assert "the tail: ONNX Runtime cannot load it" in parity.not_behind
    with pytest.raises(dlpuconv.DlpuconvError, match=r"^the tail: ONNX Runtime cannot load it: .*NMS"):
        dlpuconv.load(path)


def test_a_metric_sees_the_whole_network() -> None:
    """It is given the source's inputs and outputs, whatever runs where."""
    seen: list[tuple[str, ...]] = []

    def size(predict: Any) -> float:
        found = predict({"x": X[:1]})
        seen.append(tuple(found))
        return float(np.abs(found["y"]).mean())

    conversion = dlpuconv.convert(
        RUNNING["Loop"]().SerializeToString(),
        target=TARGET,
        calibration=X,
        effort="fast",
        metric=size,
        progress=None,
        cache=False,
    )
    assert set(seen) == {("y",)}
    assert len(seen) == 2  # of the float model, and of the file
    assert conversion.report.metric is not None
    assert conversion.report.metric.value == pytest.approx(conversion.report.metric.source, rel=0.1)
