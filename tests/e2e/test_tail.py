"""Networks that no chip holds as a whole: the chip gets its part, the camera's CPU the rest, and both are one again."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import dlpuconv
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.formats.detect import runner
from tests.division import constructs
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.workflow.conversion import Conversion, Converted
    from tests.e2e.support import Sandbox

    type Arrays = Mapping[str, np.ndarray[Any, np.dtype[Any]]]

pytestmark = pytest.mark.slow

QUIET: dict[str, Any] = {"effort": "fast", "progress": None, "cache": False}
SAMPLES = {"x": np.random.default_rng(0).random((12, 3, 32, 32)).astype(np.float32)}
SAMPLE = {"x": SAMPLES["x"][:1]}


def converted(model: onnx.ModelProto, target: str, samples: Arrays = SAMPLES, **options: Any) -> Conversion:
    return dlpuconv.convert(model, target=target, calibration=samples, **QUIET, **options)


def answered(model: onnx.ModelProto, sample: Arrays) -> dict[str, np.ndarray[Any, np.dtype[Any]]]:
    """What ONNX Runtime gives for the whole network."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return dict(zip((output.name for output in session.get_outputs()), session.run(None, sample), strict=True))


def only(conversion: Conversion) -> Converted:
    (made,) = conversion.artifacts
    return made


@pytest.mark.parametrize("name", constructs.RUNNING)
def test_parts_of_floats_are_the_whole_network(name: str, tmp_path: Path) -> None:
    """A package computes in floats, so that nothing but the division could differ."""
    model = constructs.RUNNING[name]()
    (path,) = converted(model, "cv25").save(tmp_path)
    found = dlpuconv.load(path)(SAMPLE)
    for output, expected in answered(model, SAMPLE).items():
        assert found[output].shape == expected.shape
        np.testing.assert_allclose(found[output], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "operator"),
    [
        ("NonMaxSuppression", "NonMaxSuppression"),
        ("NonMaxSuppression and Gather", "NonMaxSuppression"),
        ("TopK and index arithmetic", "TopK"),
        ("MaxUnpool", "MaxUnpool"),
        ("Sin and Cos of oriented boxes", "Cos"),
        ("Loop", "Loop"),
        ("NonZero", "NonZero"),
    ],
)
def test_what_has_no_integer_form_becomes_a_tail(name: str, operator: str, tmp_path: Path) -> None:
    model = constructs.RUNNING[name]()
    done = converted(model, "artpec8")
    made = only(done)
    assert made.provenance.divided is not None
    division = made.provenance.divided.division
    assert division.tail is not None
    assert operator in {text.split()[0] for text in division.tail.operators}
    assert division.share >= 0.8
    (path,) = done.save(tmp_path)
    assert (tmp_path / "model.artpec8.tail.onnx").is_file()
    found = dlpuconv.load(path)(SAMPLE)
    assert list(found) == list(answered(model, SAMPLE))
    assert np.isfinite(np.concatenate([value.ravel() for value in found.values()])).all()


def test_the_manifest_tells_of_every_part_and_lists_its_file(tmp_path: Path, repository: Path) -> None:
    (path,) = converted(constructs.nms(), "artpec8", bom=True).save(tmp_path)
    manifest = json.loads(path.with_suffix(".json").read_text())
    schema = json.loads((repository / "dlpuconv" / "manifest" / "manifest.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(manifest)
    assert manifest["schema_version"] == 2
    told = manifest["division"]
    assert told["tail"]["file"] == "model.artpec8.tail.onnx"
    assert {wire["name"]: wire["from"] for wire in told["tail"]["reads"]} == {"boxes": "chip", "scores": "chip"}
    assert told["outputs"] == [{"name": "kept", "from": "tail"}]
    assert sorted(told["cut"]) == sorted(port["name"] for port in manifest["outputs"]) == ["boxes", "scores"]
    assert told["crossing_bytes"] == 64 * 4 + 64 * 3  # uint8: 64 places of a box and three scores
    listed = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
    content = (tmp_path / told["tail"]["file"]).read_bytes()
    assert listed[told["tail"]["file"]] == hashlib.sha256(content).hexdigest()
    bom = json.loads((tmp_path / "model.artpec8.bom.json").read_text())
    assert "model.artpec8.tail.onnx" in json.dumps(bom["metadata"]["component"]["components"])


def test_a_package_holds_its_tail_and_the_sum_of_it(tmp_path: Path) -> None:
    (folder,) = converted(constructs.nms(), "cv25").save(tmp_path)
    content = (folder / "tail.onnx").read_bytes()
    onnx.checker.check_model(onnx.ModelProto.FromString(content), full_check=True)
    assert f"{hashlib.sha256(content).hexdigest()}  tail.onnx\n" in (folder / "SHA256SUMS").read_text()
    assert "- `tail.onnx`: tail: NonMaxSuppression runs on the CPU" in (folder / "README.md").read_text()
    told = json.loads((folder / "manifest.json").read_text())["division"]
    assert (told["tail"]["file"], told["crossing_bytes"]) == ("tail.onnx", 4 * (64 * 4 + 64 * 3))
    assert dlpuconv.verify(folder, target="cv25").passed


def test_a_package_tells_what_comes_of_its_front_and_goes_to_its_tail(tmp_path: Path) -> None:
    model = constructs.nms()
    graph = model.graph
    graph.node[0].input[0] = "image"
    graph.node.insert(0, helper.make_node("SequenceConstruct", ["x", "x"], ["pair"]))
    graph.node.insert(1, helper.make_node("SequenceAt", ["pair", "second"], ["image"]))
    graph.initializer.append(numpy_helper.from_array(np.array(1), "second"))
    (folder,) = converted(model, "cv25").save(tmp_path)
    text = (folder / "README.md").read_text()
    assert "`image`: float32 numbers as `front.onnx` gives them" in text
    assert "These are values of the source model" in text
    for part in ("front", "tail"):
        onnx.checker.check_model(onnx.load(folder / f"{part}.onnx"), full_check=True)
    np.testing.assert_array_equal(dlpuconv.load(folder)(SAMPLE)["kept"], answered(model, SAMPLE)["kept"])
    assert dlpuconv.verify(folder, target="cv25", reference=model, data=SAMPLES).passed


def test_a_tail_of_static_shapes_is_a_float_tflite_file_too(tmp_path: Path) -> None:
    (path,) = converted(constructs.oriented_boxes(), "artpec8").save(tmp_path)
    told = json.loads(path.with_suffix(".json").read_text())["division"]["tail"]
    assert told["native"] == "model.artpec8.tail.tflite"
    model = onnx.load(tmp_path / told["file"])
    rng = np.random.default_rng(0)
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in model.graph.input}
    sample = {name: rng.uniform(-2, 2, shape).astype(np.float32) for name, shape in shapes.items()}
    found = runner(tmp_path / told["native"]).run(sample)
    for name, expected in answered(model, sample).items():
        np.testing.assert_allclose(found[name].astype(float), expected, rtol=1e-5, atol=1e-5)


def test_operators_of_another_runtime_are_a_tail_that_nobody_here_runs(tmp_path: Path) -> None:
    done = converted(constructs.FOREIGN["TensorRT"](), "artpec8")
    assert done.verdict == "pass"
    (path,) = done.save(tmp_path)
    tail = onnx.load(tmp_path / "model.artpec8.tail.onnx")
    assert [node.op_type for node in tail.graph.node] == ["EfficientNMS_TRT"]
    assert {entry.domain for entry in tail.opset_import} >= {"TRT"}
    with pytest.raises(dlpuconv.DlpuconvError, match="the tail: ONNX Runtime cannot load it"):
        dlpuconv.load(path)(SAMPLE)


def clip_reader() -> onnx.ModelProto:
    """A 3-D convolution over four frames, whose maps a network of 2-D convolutions goes on with."""
    arrays = {
        "w3": constructs.weights(4, 3, 2, 3, 3) / 3, "flat": np.array([1, 12, 32, 32]),
        "w1": constructs.weights(32, 12, 3, 3) / 3, "w2": constructs.weights(8, 32, 3, 3) / 3,
    }  # fmt: skip
    node = helper.make_node
    nodes = [
        node("Conv", ["clip", "w3"], ["c3"], "motion", pads=[0, 1, 1, 0, 1, 1]),
        node("Relu", ["c3"], ["r3"]),
        node("Reshape", ["r3", "flat"], ["maps"]),
        node("Conv", ["maps", "w1"], ["c1"], "body", pads=[1] * 4),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2"], ["y"], "head", pads=[1] * 4),
    ]
    graph = helper.make_graph(
        nodes,
        "clips",
        [helper.make_tensor_value_info("clip", TensorProto.FLOAT, [1, 3, 4, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8, 32, 32])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_what_has_no_integer_form_before_all_else_becomes_a_front(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = np.random.default_rng(1).random((12, 3, 4, 32, 32)).astype(np.float32)
    model = clip_reader()
    done = converted(model, "artpec8", {"clip": clips}, mean=10, std=20)
    made = only(done)
    assert made.provenance.divided is not None
    division = made.provenance.divided.division
    assert division.front is not None
    assert division.tail is None
    assert "Conv 'motion'" in division.front.operators
    assert division.entering == 12 * 32 * 32  # uint8
    assert division.share >= 0.8
    (feed,) = made.contract.inputs
    assert feed.computed
    assert feed.picture is None
    (path,) = done.save(tmp_path)
    assert (
        "The front takes its inputs as the source model does" in (path.parent / "model.artpec8.README.md").read_text()
    )
    sample = {"clip": clips[:1]}
    expected, found = answered(model, sample)["y"], dlpuconv.load(path)(sample)["y"]
    assert 10 * np.log10(np.square(expected).sum() / np.square(expected - found).sum()) > 25
    monkeypatch.chdir(tmp_path)
    code = re.findall(r"```python\n(.*?)```", (tmp_path / "model.artpec8.README.md").read_text(), re.DOTALL)
    scope: dict[str, Any] = {"sample": sample}
    exec(code[0] + code[1].replace("values = {}", "values = dict(sample)"), scope)
    np.testing.assert_allclose(scope["values"]["y"], found, rtol=1e-6)
    asked: dict[str, Any] = {"target": "artpec8", "reference": model, "data": {"clip": clips}}
    assert dlpuconv.verify(path, **asked).passed
    with raises_error("options-conflict", "cut_at"):
        dlpuconv.verify(path, cut_at="y", **asked)


def test_off_refuses_with_a_cut_from_which_all_the_rest_can_be_computed() -> None:
    model = constructs.nms_and_gather()
    with pytest.raises(UnsupportedModelError) as refusal:
        converted(model, "artpec8", tail="off")
    cut = re.search(r"cut_at=\[(.*?)\]", str(refusal.value))
    assert cut is not None
    names = tuple(name.strip(" '") for name in cut.group(1).split(","))
    assert set(names) == {"boxes", "scores"}
    assert only(converted(model, "artpec8", cut_at=names)).provenance.divided is None
    with_tail = only(converted(model, "artpec8", cut_at=names, tail="auto")).provenance.divided
    assert with_tail is not None
    assert with_tail.division.cut == names


def test_a_boundary_that_loses_values_is_refused_with_a_complete_one() -> None:
    with raises_error("cut-incomplete", "cut_at="):
        converted(constructs.nms(), "artpec8", cut_at="boxes", tail="auto")


@pytest.mark.parametrize("target", ["artpec8", "cv25"])
def test_a_network_that_the_chip_holds_is_the_same_to_the_byte_whatever_the_tail(target: str) -> None:
    model = constructs.arg_max()
    auto, off = (only(converted(model, target, tail=tail)).artifact for tail in ("auto", "off"))
    assert auto.files == off.files
    unsaid = only(converted(model, target))
    assert unsaid.provenance.divided is None
    assert "tail" not in unsaid.provenance.request.content
    (manifest,) = (data for name, data in unsaid.files().items() if name.endswith(("c8.json", "manifest.json")))
    assert isinstance(manifest, bytes)
    assert b'"schema_version": 1,' in manifest


def test_a_metric_sees_the_whole_network() -> None:
    seen: list[dict[str, tuple[int, ...]]] = []

    def metric(predict: Any) -> float:
        seen.append({name: value.shape for name, value in predict(SAMPLE).items()})
        return 1.0

    made = only(converted(constructs.oriented_boxes(), "artpec8", metric=metric))
    assert made.provenance.divided is not None
    assert seen == [{"y": (1, 5, 64)}] * 2


def test_the_command_line_says_what_the_cpu_runs(sandbox: Sandbox) -> None:
    sandbox.root.mkdir(exist_ok=True)
    model, data = sandbox.root / "detector.onnx", sandbox.root / "data.npz"
    onnx.save(constructs.nms_and_gather(), model)
    np.savez(data, x=SAMPLES["x"])
    asked = sandbox.run("check", str(model), "--target", "artpec8")
    assert asked.returncode == 0, asked.stderr
    assert "artpec8: can be converted with a tail and run" in asked.stdout
    line = "tail: NonMaxSuppression and 3 more run on the CPU (none of the MACs; 448 bytes cross)"
    assert line in asked.stdout
    off = sandbox.run("check", str(model), "--target", "artpec8", "--tail", "off")
    assert off.returncode == 5
    assert re.search(r"--cut-at (boxes,scores|scores,boxes) and compute the rest on the CPU", off.stderr)
    answer = sandbox.run("check", str(model), "--target", "artpec8", "--json")
    (checked,) = json.loads(answer.stdout)["checks"]
    assert checked["division"]["crossing_bytes"] == 448
    done = sandbox.run(
        "convert", str(model), "--target", "artpec8", "--calibration", str(data), "--effort", "fast",
        "--output", str(sandbox.output), "--report", str(sandbox.root / "page.html"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{line} - detector.artpec8.tail.onnx" in " ".join(done.stdout.split())
    told = line.removeprefix("tail: ")
    assert told in (sandbox.root / "page.html").read_text()
    known = sandbox.run("inspect", str(sandbox.output / "detector.artpec8.tflite"), "--quiet")
    assert f"tail {told} - detector.artpec8.tail.onnx" in " ".join(known.stdout.split())
    looked = sandbox.run("analyze", str(model), "--target", "artpec8", "--calibration", str(data), "--effort", "fast")
    assert line in looked.stdout
    assert "dB at the outputs of the chip's part" in looked.stdout
