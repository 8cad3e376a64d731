"""Whoever has a file of another framework is told how to get to one that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.frontends import SourceOptions, load
from tests.frontends.support import conv

if TYPE_CHECKING:
    from pathlib import Path

GRAPH_DEF = b"\x0a\x10\x0a\x01x\x12\x0bPlaceholder"  # one node


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("frozen.pb", GRAPH_DEF, r"frozen graph of TensorFlow 1: make it ONNX with .*tf2onnx\.convert`, .* graphdef"),
        ("model.ckpt.meta", GRAPH_DEF, r"tf2onnx\.convert`, whose option checkpoint"),
        ("model.ckpt", b"\x00", "holds variables and no network: restore it in the program that made it"),
        ("model.index", b"\x00", "holds variables and no network"),
        ("model.data-00000-of-00001", b"\x00", "holds variables and no network"),
        ("graph.pbtxt", b"node {}", r"a graph of TensorFlow as text: .* save the model as a SavedModel"),
        ("model.json", b'{"format": "layers-model", "modelTopology": {}}', r"tf2onnx\.convert`, whose option tfjs"),
        ("net.caffemodel", b"\x0a\x03net", "a Caffe model: make it ONNX with caffe2onnx"),
        ("deploy.prototxt", b'name: "net"', "a Caffe model"),
        ("yolo.cfg", b"[net]\nwidth=416", r"a Darknet model: .* torch\.onnx\.export"),
        ("yolo.weights", b"\x00\x00\x00\x00", "a Darknet model"),
        ("net.mlmodel", b"\x0a", r"a Core ML model: make it ONNX with onnxmltools\.convert_coreml"),
        ("net.pdmodel", b"\x0a", "a PaddlePaddle model: make it ONNX with paddle2onnx"),
        ("net-symbol.json", b"{}", r"an MXNet model: make it ONNX with mxnet\.onnx\.export_model"),
        ("net.param", b"7767517", "an ncnn model: there is no way back from it: convert the model that it was made"),
        ("net.xml", b'<?xml version="1.0"?><net name="x">', "an OpenVINO model: there is no way back"),
        ("net.engine", b"ftrt", "compiled for another runtime"),
        ("net.safetensors", b"{}", r"weights without a network: load them into the torch\.nn\.Module"),
    ],
)
def test_it_is_told_in_one_sentence(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnsupportedModelError, match=told) as caught:
        load(tmp_path / name, SourceOptions())
    assert "\n" not in str(caught.value)


def test_a_core_ml_package_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "net.mlpackage").mkdir()
    with pytest.raises(UnsupportedModelError, match="a Core ML package"):
        load(tmp_path / "net.mlpackage", SourceOptions())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("saved_model.pbtxt", b"saved_model_schema_version: 1", r"as text: .* whose graph is in saved_model\.pb"),
        ("checkpoint", b'model_checkpoint_path: "m"', "holds variables and no network"),
        ("model.json", b'{"modelTopology": {}}', r"a model of TensorFlow\.js"),
    ],
)
def test_a_folder_is_known_by_what_is_in_it(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnsupportedModelError, match=told):
        load(tmp_path, SourceOptions())


def test_another_folder_is_told_what_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is a folder, and no SavedModel, .*: name the model's file in it"):
        load(tmp_path, SourceOptions())


@pytest.mark.parametrize("name", ["model.pb", "model.weights", "checkpoint"])
def test_an_onnx_model_is_read_whatever_it_is_called(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(conv().SerializeToString())
    assert load(tmp_path / name, SourceOptions()).signature.inputs[0].name == "x"


def test_a_file_that_is_not_there_is_missing_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        load(tmp_path / "net.caffemodel", SourceOptions())
