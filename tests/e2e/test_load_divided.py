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
from tests.division.constructs import FOREIGN, RUNNING, weights
from tests.error_ids import raises_error
from tests.whole_zoo import samples

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


def chained_by_hand(path: Path, codes: dict[str, Any], x: npt.NDArray[np.float32]) -> dict[str, Any]:
    """The source's outputs from what a file gave, by what its manifest says and ONNX Runtime alone."""
    told = json.loads(path.with_suffix(".json").read_text())
    values: dict[str, Any] = {"x": x}
    for output in told["outputs"]:
        assert output["part"] is None
        real = (codes[output["name"]].astype(np.float32) - output["zero_point"]) * np.float32(output["scale"])
        real = np.asarray(real).transpose(np.argsort(output["permutation"]))
        values[output["name"]] = real.reshape(output["source_shape"])
    session = onnxruntime.InferenceSession(path.parent / told["division"]["tail"]["file"])
    feed = {given.name: values[given.name] for given in session.get_inputs()}
    made = zip((output.name for output in session.get_outputs()), session.run(None, feed), strict=True)
    values |= dict(made)
    return {wire["name"]: values[wire["name"]] for wire in told["division"]["outputs"]}


@pytest.mark.parametrize(
    "name",
    [
        "NonMaxSuppression and Gather",
        "NonZero",
        "Loop",
        "TopK and index arithmetic",
        "MaxUnpool",
        "DeformConv",
        "Sin and Cos of oriented boxes",
        "GridSample nearest",
    ],
)
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


@pytest.mark.parametrize("target", [TARGET, "onnxruntime"])
def test_a_file_is_verified_beside_its_source_at_the_cut_and_behind_the_tail(target: str, tmp_path: Path) -> None:
    model = RUNNING["Loop"]()
    conversion, path = converted(model, tmp_path, target)
    made = conversion.report.parity
    verified = dlpuconv.verify(path, target=target, reference=model, data=X, min_sqnr=-200, progress=None).report.parity
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
    with raises_error("reference-mismatch", "'boxes'"):
        dlpuconv.verify(path, target=TARGET, reference=other_model(), data=X, progress=None)


def test_a_tail_that_is_missing_is_a_warning_of_rules_and_an_error_of_a_comparison(tmp_path: Path) -> None:
    model = RUNNING["Loop"]()
    _, path = converted(model, tmp_path)
    (tmp_path / "model.artpec8.tail.onnx").unlink()
    told = "'model.artpec8.tail.onnx', which the manifest model.artpec8.json names, is not there"
    verification = dlpuconv.verify(path, target=TARGET, progress=None)
    assert verification.passed
    assert told in verification.report.warnings
    with raises_error("manifest-file-unusable", told):
        dlpuconv.verify(path, target=TARGET, reference=model, data=X, progress=None)


@pytest.mark.zoo
def test_a_face_detector_with_its_suppression_finds_the_faces_that_its_source_finds(zoo: Path, tmp_path: Path) -> None:
    model = onnx.load(zoo / "face_retinaface_mnet025" / "model.onnx")
    node, constants = helper.make_node, {"k": [50], "iou": [np.float32(0.4)], "sure": [np.float32(0.5)]}
    constants |= {"one": [1], "two": [2]}
    model.graph.initializer.extend(numpy_helper.from_array(np.array(value), name) for name, value in constants.items())
    model.graph.node.extend(
        [
            node("Slice", ["593", "one", "two", "two"], ["faces"]),
            node("Transpose", ["faces"], ["scores"], perm=[0, 2, 1]),
            node("NonMaxSuppression", ["515", "scores", "k", "iou", "sure"], ["kept"], "suppression"),
        ]
    )
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("kept", TensorProto.INT64, ["n", 3]))
    x = samples(zoo, "face_retinaface_mnet025", 24)
    conversion = dlpuconv.convert(
        model, target=TARGET, calibration=x, effort="fast", granularity="per-channel", progress=None, cache=False
    )
    (path,) = conversion.save(tmp_path)
    network = dlpuconv.load(path)
    assert network.division is not None
    assert network.division.cut == ("515", "scores")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    counts = [(len(network(one[None])["kept"]), len(session.run(None, {"input": one[None]})[0])) for one in x[:12]]
    found, expected = (sum(column) for column in zip(*counts, strict=True))
    assert expected > 20
    assert abs(found - expected) <= 0.1 * expected


def other_model() -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 32, 32])],
        [numpy_helper.from_array(weights(4, 3, 1, 1), "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def behind_a_front() -> onnx.ModelProto:
    """A sequence in front and one behind; the tail reads what the front gives, and the source's input besides."""
    node = helper.make_node
    nodes = [
        node("SplitToSequence", ["x", "sixteen"], ["halves"], "split", axis=2),
        node("SequenceAt", ["halves", "one"], ["lower"], "at"),
        node("Conv", ["lower", "w0"], ["c"], pads=[1] * 4),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "w1"], ["map"], pads=[1] * 4),
        node("SplitToSequence", ["map", "two"], ["parts"], "split behind", axis=1),
        node("SequenceAt", ["parts", "one"], ["part"], "at behind"),
        node("ReduceMax", ["x"], ["peak"], keepdims=0),
        node("ReduceMin", ["lower"], ["least"], keepdims=0),
        node("Sub", ["peak", "least"], ["span"]),
        node("Mul", ["part", "span"], ["y"]),
    ]
    constants = {"w0": weights(8, 3, 3, 3), "w1": weights(4, 8, 3, 3), "sixteen": 16, "two": 2, "one": 1}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 16, 32])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("target", [TARGET, "cv25"])
def test_a_front_and_a_tail_are_run_and_measured(target: str, tmp_path: Path) -> None:
    model = behind_a_front()
    _, path = converted(model, tmp_path, target)
    network = dlpuconv.load(path)
    assert "with a front and a tail: x [1, 3, 32, 32] -> y [1, 2, 16, 32]" in repr(network)
    parity = dlpuconv.verify(path, target=target, reference=model, data=X, min_sqnr=-200, progress=None).report.parity
    assert parity is not None
    assert [output.name for output in parity.outputs] == ["map"]
    (y,) = parity.behind
    expected, got = source_answers(model, X[:1])["y"], network(X[:1])["y"]
    if target == "cv25":
        assert y.exact
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    else:
        assert y.sqnr_db is not None
        assert 25 < y.sqnr_db < 60
        assert np.abs(got - expected).max() < 0.1 * np.abs(expected).max()


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
