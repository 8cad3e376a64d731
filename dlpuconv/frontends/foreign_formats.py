"""Files of frameworks whose formats are not read, each with the way to one that is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.files.regular import open_regular
from dlpuconv.formats.files import is_folder

if TYPE_CHECKING:
    from pathlib import Path

_LONGEST_START = 4096
_ONNX_START = b"\x08"
"""The field that a serialized ModelProto begins with, its version; so a file is ONNX whatever it is called."""


@dataclass(frozen=True, slots=True)
class _Format:
    """One format.

    Attributes:
        names: of files, as far as these tell.
        title: what such a file is.
        way: what to do.
        start: what its first bytes hold; None where the name is enough.
    """

    names: str
    title: str
    way: str
    start: bytes | None = None


_SOURCE = "convert the model that it was made from"
_FORMATS = (
    _Format(
        r".*\.pb", "a frozen graph of TensorFlow 1",
        "make it ONNX with `python -m tf2onnx.convert`, whose option graphdef takes it beside the names of inputs and"
        " outputs, and convert that", rb"\A\x0a",
    ),
    _Format(
        r".*\.meta", "the graph of a TensorFlow 1 checkpoint",
        "make it ONNX with `python -m tf2onnx.convert`, whose option checkpoint takes it beside the names of inputs and"
        " outputs, and convert that", rb"\A\x0a",
    ),
    _Format(
        r"checkpoint|.*\.(ckpt|index|data-\d{5}-of-\d{5})", "a part of a TensorFlow checkpoint, which holds variables"
        " and no network", "restore it in the program that made it, and save the model as a SavedModel or a .keras"
        " file",
    ),
    _Format(
        r".*\.pbtxt", "a graph of TensorFlow as text", "load it in TensorFlow, and save the model as a SavedModel"
        " (tf.saved_model.save), whose graph is in saved_model.pb",
    ),
    _Format(
        r".*\.json", "a model of TensorFlow.js",
        "make it ONNX with `python -m tf2onnx.convert`, whose option tfjs takes it, and convert that",
        rb"\"modelTopology\"|\"weightsManifest\"",
    ),
    _Format(r".*\.(caffemodel|prototxt)", "a Caffe model", "make it ONNX with caffe2onnx, and convert that"),
    _Format(
        r".*\.(cfg|weights)", "a Darknet model",
        "load it into a PyTorch module, as pytorch-YOLOv4 does, export that with torch.onnx.export, and convert the"
        " .onnx file",
    ),
    _Format(
        r".*\.mlmodel", "a Core ML model",
        f"make it ONNX with onnxmltools.convert_coreml and convert that, or better {_SOURCE}",
    ),
    _Format(r".*\.(mlpackage|mlmodelc)", "a Core ML package", f"there is no way back from it: {_SOURCE}"),
    _Format(r".*\.(pdmodel|pdiparams)", "a PaddlePaddle model", "make it ONNX with paddle2onnx, and convert that"),
    _Format(
        r".*-symbol\.json|.*\.params", "an MXNet model", "make it ONNX with mxnet.onnx.export_model, and convert that"
    ),
    _Format(r".*\.param", "an ncnn model", f"there is no way back from it: {_SOURCE}"),
    _Format(r".*\.xml", "an OpenVINO model", f"there is no way back from it: {_SOURCE}", rb"<net\b"),
    _Format(
        r".*\.(engine|plan|trt|rknn|hef|nb|mnn|dlc|tmfile|cvflow)", "a model that was compiled for another runtime",
        f"there is no way back from it: {_SOURCE}",
    ),
    _Format(
        r".*\.safetensors", "a file of weights without a network",
        "load them into the torch.nn.Module that they belong to, and convert that from Python",
    ),
)  # fmt: skip
_OF_FOLDERS = ("saved_model.pbtxt", "checkpoint", "model.json")
"""Files by whose names a folder of TensorFlow's is known."""


def is_foreign(path: Path) -> bool:
    """Whether a file is of a framework whose formats are not read."""
    return _format_of(path) is not None


def refuse(path: Path) -> NoReturn:
    """Tell how to get from it to a file that is read.

    Raises:
        UnsupportedModelError: always.
    """
    found = _format_of(path)
    assert found is not None
    raise UnsupportedModelError(f"{path} is {found.title}: {found.way}", id="model-foreign-format")


def _format_of(path: Path) -> _Format | None:
    path = _telling(path)
    named = [entry for entry in _FORMATS if re.fullmatch(entry.names, path.name.lower())]
    if not named:
        return None
    start = b"" if is_folder(path) else _start(path)
    if start is None or start.startswith(_ONNX_START):
        return None
    return next((entry for entry in named if entry.start is None or re.search(entry.start, start)), None)


def _telling(path: Path) -> Path:
    """The file of a folder that tells what the whole is; the path itself where there is none."""
    inside = (path / name for name in _OF_FOLDERS)
    return next((file for file in inside if file.is_file()), path) if is_folder(path) else path


def _start(path: Path) -> bytes | None:
    """The first bytes; None for what cannot be read, of which whoever reads it tells."""
    try:
        with open_regular(path) as file:
            return file.read(_LONGEST_START)
    except (OSError, ValueError):
        return None
