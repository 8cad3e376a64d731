"""SavedModel folders, which a stranger may have made: only their graph and their variables are read."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.errors import ModelError
from dlpuconv.files.regular import read_regular
from dlpuconv.frontends.tensorflow.asking import converted
from dlpuconv.ir import Source

if TYPE_CHECKING:
    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions

GRAPH = "saved_model.pb"
_VARIABLES = re.compile(r"variables\.(index|data-\d{5}-of-\d{5})")
_MOST_BYTES = 8 << 30


def is_saved_model(path: Path) -> bool:
    """Whether the path is a folder with a `saved_model.pb`, or that file."""
    try:
        return (path / GRAPH).is_file() or (path.name == GRAPH and path.is_file())
    except OSError:
        return False


def read_saved_model(path: Path, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX form of a SavedModel's signature. The folder is only read, and nothing of it runs in this process.

    Args:
        path: the folder, or the `saved_model.pb` in it.
        options: shapes of inputs, and which signature it is.
        name: stem for file names.

    Raises:
        ModelError: TensorFlow cannot read it, or a file leads out of the folder.
        ShapeError: an input has no static shape.
        UnsupportedModelError: it holds operators that reach outside of the graph, or has no signature to choose.
        UsageError: it has no signature of the name that was asked for.
        MissingDependencyError: TensorFlow or tf2onnx is missing.
    """
    folder = path.parent if path.name == GRAPH and not path.is_dir() else path
    files = files_of(folder)
    digest = hashlib.sha256()
    for file_name, content in files.items():
        digest.update(f"{file_name}\0{len(content)}\0".encode() + content)
    stem = name or Path(os.path.realpath(folder)).name or "model"
    return converted("saved_model", files, options, Source(name=stem, sha256=digest.hexdigest(), path=str(path)))


def files_of(folder: Path) -> dict[str, bytes]:
    """The graph and the variables, by their paths in the folder.

    Raises:
        ModelError: one leads out of the folder, is too large, or cannot be read.
    """
    files = {GRAPH: _read(folder / GRAPH, folder)}
    variables = folder / "variables"
    if variables.is_dir():
        for file in sorted(variables.iterdir()):
            if _VARIABLES.fullmatch(file.name):
                files[f"variables/{file.name}"] = _read(file, folder)
    return files


def _read(file: Path, folder: Path) -> bytes:
    """A file of the folder; a link may not lead out of it, lest private files end up as weights.

    Raises:
        ModelError: it leads out, is too large, or cannot be read.
    """
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder)):
        raise ModelError(
            f"{file} leads out of the folder {folder}: only files in a SavedModel's folder are read",
            id="savedmodel-outside",
        )
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ModelError(
                f"{file} is larger than {_MOST_BYTES >> 30} GiB, which no camera holds", id="model-too-large"
            )
        return read_regular(file)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}", id="model-unreadable"
        ) from error
