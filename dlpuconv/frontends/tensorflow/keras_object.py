"""Keras models that are in this process already: saved to a temporary folder, and read as such files are."""

from __future__ import annotations

import hashlib
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.files.regular import read_regular
from dlpuconv.files.scratch import make_folder, remove_folder
from dlpuconv.frontends.tensorflow.asking import converted
from dlpuconv.frontends.tensorflow.keras_archive import plain_files
from dlpuconv.frontends.tensorflow.saved_model import files_of
from dlpuconv.ir import Source
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.frontends.onnx_file import Acquired
    from dlpuconv.frontends.options import SourceOptions

_KERAS_3, _KERAS_2 = "keras", "tf_keras"


def is_keras_object(value: object) -> bool:
    """True for a `keras.Model`, also one of Keras 2; Keras is not imported to find out."""
    return bool(_library_of(value))


def read_keras_object(model: Any, options: SourceOptions, name: str | None) -> Acquired:
    """The ONNX form of a model, which is only saved.

    A model of Keras's own layers is saved as a `.keras` file. What holds the user's Python is traced here, where that
    is, by Keras itself, and becomes a SavedModel.

    Raises:
        ModelError: Keras cannot save it, or it cannot be converted.
        ShapeError: an input has no static shape.
        UnsupportedModelError: the model holds what cannot be converted.
        MissingDependencyError: TensorFlow or tf2onnx is missing.
    """
    if not getattr(model, "built", True):
        raise UnsupportedModelError(
            "the Keras model has no weights yet, and does not say what it takes: call it once on an input",
            id="keras-no-inputs",
        )
    try:
        folder = make_folder("keras")
    except OSError as error:
        raise ModelError(
            f"the model cannot be saved into the temporary folder: {error.strerror or error}", id="reader-unavailable"
        ) from error
    try:
        task, files = _saved(model, folder)
    finally:
        remove_folder(folder)
    digest = hashlib.sha256()
    for content in files.values():
        digest.update(content)
    title = name or str(getattr(model, "name", "")) or "model"
    return converted(task, files, options, Source(name=title, sha256=digest.hexdigest()))


def _saved(model: Any, folder: Path) -> tuple[str, dict[str, bytes]]:
    """The worker's task and the files for it."""
    if _library_of(model) == _KERAS_3:
        path = folder / "model.keras"
        _tried(lambda: model.save(path))
        try:
            return "keras", plain_files(read_regular(path), "the Keras model")
        except UnsupportedModelError as refusal:
            told = refusal
        try:
            return "saved_model", _exported(model, folder)
        except ModelError as error:
            raise told from error
    return "saved_model", _exported(model, folder)


def _exported(model: Any, folder: Path) -> dict[str, bytes]:
    target = folder / "saved_model"
    with redirect_stdout(StringIO()):
        _tried(lambda: model.export(str(target)))
    return files_of(target)


def _tried(save: Any) -> None:
    try:
        save()
    except Exception as error:  # whatever the user's layers and Keras raise
        raise ModelError(f"Keras cannot save the model: {first_line(error)}", id="keras-not-saved") from error


def _library_of(value: object) -> str:
    homes = [kind.__module__.partition(".")[0] for kind in type(value).__mro__ if kind.__name__ == "Model"]
    return next((home for home in homes if home in (_KERAS_3, _KERAS_2)), "")
