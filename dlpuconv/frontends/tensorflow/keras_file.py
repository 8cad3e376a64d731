"""`.keras` and `.h5` files, which a stranger may have made: Keras never sees what is not plain layers and numbers."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

from dlpuconv.files.regular import open_regular
from dlpuconv.frontends.onnx_file import content_of
from dlpuconv.frontends.tensorflow.asking import converted
from dlpuconv.frontends.tensorflow.keras_archive import CONFIG, METADATA, plain_files
from dlpuconv.ir import Source

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions

_HDF5 = b"\x89HDF\r\n\x1a\n"


def is_keras_file(path: Path) -> bool:
    """Whether the file has the name or structure of a file that Keras saves."""
    if path.suffix.lower() == ".keras":
        return True
    try:
        with open_regular(path) as file:
            if file.read(len(_HDF5)) == _HDF5:
                return True
            return {CONFIG, METADATA} <= set(zipfile.ZipFile(file).namelist())
    except (OSError, RuntimeError, ValueError, zipfile.BadZipFile):
        return False


def read_keras(path: Path, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX form of the model in a file. The file is only read, and nothing of it runs in this process.

    Raises:
        ModelError: there is no such file, it holds no model, or Keras cannot read it.
        ShapeError: an input has no static shape.
        UnsupportedModelError: it holds Python code, or layers that are not Keras's own.
        MissingDependencyError: TensorFlow or tf2onnx is missing.
    """
    content = content_of(path)
    source = Source(name=name or path.stem or "model", sha256=hashlib.sha256(content).hexdigest(), path=str(path))
    if content.startswith(_HDF5):
        return converted("h5", {"model.h5": content}, options, source)
    return converted("keras", plain_files(content, str(path)), options, source)
