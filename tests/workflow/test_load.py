"""`dlpuconv.load`: files as the function that their source model was."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import dlpuconv
from dlpuconv.manifest import DivisionRecord, Maker, RestRecord, Wire
from tests.division.parts import doubled, of_a_vendor, part, positions
from tests.error_ids import raises_error
from tests.verification.test_verify_file import W, converted, manifest, written

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dlpuconv.division.division import Rest

X = np.array([[0.5, -0.25, 1.0]], np.float32)
Y = X @ W.T  # what the source gives; the file's steps are 1/127 and 2.25/127
STEP = 2.25 / 127


@pytest.fixture
def file(tmp_path: Path) -> Path:
    content = converted()
    return written(tmp_path, content, manifest(content))


def divided(folder: Path, tail: Rest, *outputs: str, **changes: Any) -> Path:
    """The file with a tail behind its output y, and the manifest that tells of it."""
    content, behind = converted(), tail.model.SerializeToString()
    (folder / "m.tail.onnx").write_bytes(behind)
    made = {"y": Maker.CHIP, "x": Maker.SOURCE}
    record = DivisionRecord(
        inputs=("x",),
        entry=(Wire(name="x", maker=Maker.SOURCE),),
        cut=("y",),
        tail=RestRecord(
            file="m.tail.onnx", reads=tuple(Wire(name=name, maker=made[name]) for name in tail.reads), gives=tail.gives
        ),
        outputs=tuple(Wire(name=name, maker=made.get(name, Maker.TAIL)) for name in outputs),
    )
    told = manifest(content, schema_version=2, division=record.to_json())
    told["files"].append({"name": "m.tail.onnx", "sha256": hashlib.sha256(behind).hexdigest(), "bytes": len(behind)})
    return written(folder, content, told | changes)


def test_it_takes_the_source_s_values_and_gives_the_source_s_in_float32(file: Path) -> None:
    network = dlpuconv.load(file)
    for answer in (network(X), network({"x": X}), network(x=X), network(X.tolist()), network(X[0])):
        assert list(answer) == ["y"]
        assert answer["y"].dtype == np.float32
        np.testing.assert_allclose(answer["y"], Y, atol=2 * STEP)
        codes = answer["y"] / STEP
        np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)  # it is the integer file that answers
    assert network.inputs[0].shape == (1, 3)
    assert network.notes == ()
    assert repr(network) == (
        "<LoadedNetwork m.tflite: x [1, 3] -> y [1, 2] (LiteRT, BUILTIN_WITHOUT_DEFAULT_DELEGATES)>"
    )


def test_a_batch_runs_one_after_the_other(file: Path) -> None:
    network = dlpuconv.load(file)
    batch = np.concatenate([X, -X, X / 2])
    answers = network(batch)["y"]
    assert answers.shape == (3, 2)
    for row, answer in zip(batch, answers, strict=True):
        np.testing.assert_array_equal(answer, network(row[None])["y"][0])


def test_a_binding_is_followed(tmp_path: Path) -> None:
    """The file takes twice the source's values, as where a normalization was folded."""
    content = converted()
    told = manifest(content)
    told["inputs"][0]["multiplier"] = [2.0]
    network = dlpuconv.load(written(tmp_path, content, told))
    np.testing.assert_allclose(network(X / 2)["y"], Y, atol=2 * STEP)


def test_the_block_of_a_with_statement_closes_it(file: Path) -> None:
    with dlpuconv.load(file) as network:
        network(X)
    with raises_error("network-closed", "m.tflite"):
        network(X)


@pytest.mark.parametrize(
    ("call", "cause", "fact"),
    [
        (lambda network: network(), "network-inputs", "'x'"),
        (lambda network: network(y=X), "network-inputs", "'y'; the model's inputs are x"),
        (lambda network: network(X[:, :2]), "network-inputs", "'x' with the shape (1, 2); the model takes (any, 3)"),
        (lambda network: network(np.zeros((0, 3))), "network-inputs", "batches of 0"),
        (lambda network: network("photo.jpg"), "picture-not-taken", "'x'"),
        (lambda network: network(X, y=X), "network-inputs", "'y'; the model's inputs are x"),
    ],
)
def test_what_the_network_does_not_take_is_refused(
    file: Path, call: Callable[[Any], object], cause: str, fact: str
) -> None:
    with raises_error(cause, fact):
        call(dlpuconv.load(file))


def test_a_file_without_a_manifest_is_known_by_what_it_says_itself(tmp_path: Path) -> None:
    network = dlpuconv.load(written(tmp_path, converted()))
    np.testing.assert_allclose(network(x=X)["y"], Y, atol=2 * STEP)
    assert "no manifest" in network.notes[0]


def test_the_float_model_itself_is_a_network_too(tmp_path: Path) -> None:
    """With a batch that may be any, and an output whose extent only a run tells."""
    nodes = [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("NonZero", ["r"], ["where"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    where = helper.make_tensor_value_info("where", TensorProto.INT64, [2, "k"])
    graph = helper.make_graph(nodes, "g", [x], [where])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    network = dlpuconv.load(tmp_path / "m.onnx")
    assert network(np.concatenate([-X, X]))["where"].tolist() == [[0, 1, 1], [1, 0, 2]]
    assert repr(network) == "<LoadedNetwork m.onnx: x [?, 3] -> where [2, ?] (ONNX Runtime)>"


def test_a_source_that_takes_a_picture_without_a_batch_takes_one_with_it_too(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, 2, 2])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    network = dlpuconv.load(tmp_path / "m.onnx")
    picture = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    for given in (picture, picture[None]):
        np.testing.assert_array_equal(network(given)["y"], picture)


def test_a_tail_is_run_behind_the_file(tmp_path: Path) -> None:
    network = dlpuconv.load(divided(tmp_path, doubled(), "z", "y"))
    answer = network(X)
    assert list(answer) == ["z", "y"]
    np.testing.assert_allclose(answer["z"], 2 * answer["y"] + X.sum(), rtol=1e-6)
    np.testing.assert_allclose(answer["y"], Y, atol=2 * STEP)
    assert repr(network).startswith("<LoadedNetwork m.tflite with a tail: x [1, 3] -> z [1, 2], y [1, 2] (LiteRT")
    assert network.division is not None
    assert network.division.cut == ("y",)


def test_outputs_of_dynamic_shape_come_one_sample_at_a_time(tmp_path: Path) -> None:
    network = dlpuconv.load(divided(tmp_path, positions(), "where"))
    assert network(X)["where"].tolist() == [[0] * (Y > 0).sum(), np.flatnonzero(Y > 0).tolist()]
    with raises_error("network-inputs", "where"):
        network(np.concatenate([X, X]))


def test_a_tail_that_cannot_run_here_is_told_in_one_sentence(tmp_path: Path) -> None:
    with raises_error("artifact-refused", "the tail: ", "EfficientNMS_TRT"):
        dlpuconv.load(divided(tmp_path, of_a_vendor(), "num_dets"))


def test_a_tail_that_was_replaced_is_refused(tmp_path: Path) -> None:
    path = divided(tmp_path, doubled(), "z")
    (tmp_path / "m.tail.onnx").write_bytes(positions().model.SerializeToString())
    with raises_error("manifest-file-changed", "'m.tail.onnx'", "m.json"):
        dlpuconv.load(path)


def test_a_tail_that_is_missing_is_told(tmp_path: Path) -> None:
    path = divided(tmp_path, doubled(), "z")
    (tmp_path / "m.tail.onnx").unlink()
    with raises_error("manifest-file-unusable", "'m.tail.onnx'", "m.json"):
        dlpuconv.load(path)


def test_a_tail_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    path = divided(tmp_path / "made", doubled(), "z")
    (tmp_path / "made" / "m.tail.onnx").rename(tmp_path / "elsewhere.onnx")
    (tmp_path / "made" / "m.tail.onnx").symlink_to(tmp_path / "elsewhere.onnx")
    with raises_error("manifest-file-unusable"):
        dlpuconv.load(path)


@pytest.mark.parametrize("name", ["../m.tail.onnx", "/etc/passwd", "a/b.onnx", ""])
def test_a_manifest_that_names_a_tail_elsewhere_is_damaged(tmp_path: Path, name: str) -> None:
    path = divided(tmp_path, doubled(), "z")
    told = json.loads(path.with_suffix(".json").read_text())
    told["division"]["tail"]["file"] = name
    path.with_suffix(".json").write_text(json.dumps(told))
    with raises_error("manifest-damaged", "m.json", "division.tail.file"):
        dlpuconv.load(path)


def test_a_tail_that_reads_what_it_gives_is_damaged(tmp_path: Path) -> None:
    path = divided(tmp_path, doubled(), "z")
    told = json.loads(path.with_suffix(".json").read_text())
    told["division"]["tail"]["reads"].append({"name": "z", "from": "tail"})
    path.with_suffix(".json").write_text(json.dumps(told))
    with raises_error("manifest-damaged", "m.json", "'z'", "tail"):
        dlpuconv.load(path)


@pytest.mark.parametrize("inside", [False, True], ids=["of the graph", "of a branch"])
def test_a_tail_of_weights_in_other_files_is_refused(tmp_path: Path, *, inside: bool) -> None:
    branch = helper.make_graph([], "branch", [], [])
    nodes = [helper.make_node("Relu", ["y"], ["z"], body=branch)]
    tail = part(nodes, {"y": (1, 2)}, {"z": (1, 2)})
    graph = tail.model.graph.node[0].attribute[0].g if inside else tail.model.graph
    graph.initializer.add(name="w", data_location=TensorProto.EXTERNAL, data_type=TensorProto.FLOAT)
    with raises_error("artifact-external-weights", "m.tail.onnx"):
        dlpuconv.load(divided(tmp_path, tail, "z"))


@pytest.mark.parametrize("text", [b"twice", b"part"])
def test_a_tail_with_text_that_is_none_is_damaged(tmp_path: Path, text: bytes) -> None:
    content = doubled().model.SerializeToString().replace(text, b"\xff" + text[1:])
    path = divided(tmp_path, doubled(), "z")
    (tmp_path / "m.tail.onnx").write_bytes(content)
    told = json.loads(path.with_suffix(".json").read_text())
    told["files"][1]["sha256"] = hashlib.sha256(content).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(told))
    with raises_error("artifact-damaged"):
        dlpuconv.load(path)


@pytest.mark.parametrize(
    ("ends", "change", "told"),
    [
        ("inputs", {"source_shape": [1, 2], "shape": [1, 2]}, ("artifact-refused", "Got 2 but expected 3")),
        ("inputs", {"name": "other"}, ("artifact-input-missing", "'x'", "given: other")),
        ("inputs", {"dtype": "float32"}, ("manifest-misfit",)),
        ("inputs", {"dtype": "int16"}, ("artifact-refused", "INT16", "INT8")),
        ("outputs", {"name": "other"}, ("output-missing", "'other'")),
    ],
)
def test_a_manifest_of_other_ends_is_told_in_one_sentence(
    tmp_path: Path, ends: str, change: dict[str, Any], told: tuple[str, ...]
) -> None:
    content = converted()
    said = manifest(content)
    said[ends][0] |= change
    network = dlpuconv.load(written(tmp_path, content, said))
    with raises_error(*told):
        network(np.zeros(network.inputs[0].shape))
