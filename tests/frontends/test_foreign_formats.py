"""Whoever has a file of another framework is told how to get to one that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import dlpuconv
from dlpuconv.frontends import SourceOptions, load
from tests.error_ids import raises_error
from tests.frontends.support import conv

if TYPE_CHECKING:
    from pathlib import Path

GRAPH_DEF = b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder"  # one node


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("frozen.pb", GRAPH_DEF, ("model-foreign-format", "TensorFlow 1", "tf2onnx.convert", "graphdef")),
        ("model.ckpt.meta", GRAPH_DEF, ("model-foreign-format", "tf2onnx.convert", "checkpoint")),
        ("model.ckpt", b"\x00", ("model-foreign-format", "TensorFlow checkpoint")),
        ("model.index", b"\x00", ("model-foreign-format", "TensorFlow checkpoint")),
        ("model.data-00000-of-00001", b"\x00", ("model-foreign-format", "TensorFlow checkpoint")),
        ("graph.pbtxt", b"node {}", ("model-foreign-format", "SavedModel")),
        (
            "model.json",
            b'{"format": "layers-model", "modelTopology": {}}',
            ("model-foreign-format", "tf2onnx.convert", "tfjs"),
        ),
        ("net.caffemodel", b"\x0a\x03net", ("model-foreign-format", "Caffe", "caffe2onnx")),
        ("deploy.prototxt", b'name: "net"', ("model-foreign-format", "Caffe")),
        ("yolo.cfg", b"[net]\nwidth=416", ("model-foreign-format", "Darknet", "torch.onnx.export")),
        ("yolo.weights", b"\x00\x00\x00\x00", ("model-foreign-format", "Darknet")),
        ("net.mlmodel", b"\x0a", ("model-foreign-format", "Core ML", "onnxmltools.convert_coreml")),
        ("net.pdmodel", b"\x0a", ("model-foreign-format", "PaddlePaddle", "paddle2onnx")),
        ("net-symbol.json", b"{}", ("model-foreign-format", "MXNet", "mxnet.onnx.export_model")),
        ("net.param", b"7767517", ("model-foreign-format", "ncnn")),
        ("net.xml", b'<?xml version="1.0"?><net name="x">', ("model-foreign-format", "OpenVINO")),
        ("net.engine", b"ftrt", ("model-foreign-format", "another runtime")),
        ("net.safetensors", b"{}", ("model-foreign-format", "torch.nn.Module")),
    ],
)
def test_it_is_told_in_one_sentence(name: str, content: bytes, told: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with raises_error(*told) as caught:
        load(tmp_path / name, SourceOptions())
    assert "\n" not in str(caught.value)


def test_a_core_ml_package_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.mlpackage").mkdir()
    with raises_error("model-foreign-format", "Core ML package"):
        load(tmp_path / "net.mlpackage", SourceOptions())


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("saved_model.pbtxt", b"saved_model_schema_version: 1", "saved_model.pb"),
        ("checkpoint", b'model_checkpoint_path: "m"', "checkpoint"),
        ("model.json", b'{"modelTopology": {}}', "TensorFlow.js"),
    ],
)
def test_a_folder_is_known_by_what_is_in_it(name: str, content: bytes, fact: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with raises_error("model-foreign-format", fact):
        load(tmp_path, SourceOptions())


def test_what_looks_into_files_tells_the_same(tmp_path: Path) -> None:
    (tmp_path / "frozen.pb").write_bytes(GRAPH_DEF)
    with raises_error("model-foreign-format", "TensorFlow 1", "tf2onnx.convert"):
        dlpuconv.inspect(tmp_path / "frozen.pb")


def test_another_folder_is_told_what_may_be_named(tmp_path: Path) -> None:
    with raises_error("model-is-folder", str(tmp_path)):
        load(tmp_path, SourceOptions())


@pytest.mark.parametrize("name", ["model.pb", "model.weights", "checkpoint"])
def test_an_onnx_model_is_read_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(conv().SerializeToString())
    assert load(tmp_path / name, SourceOptions()).signature.inputs[0].name == "x"


def test_a_file_that_is_not_there_is_missing_and_nothing_else(tmp_path: Path) -> None:
    with raises_error("model-not-found"):
        load(tmp_path / "net.caffemodel", SourceOptions())
