"""What the worker that has TensorFlow does, in a process of its own: see `asking`. Not to be imported."""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import DlpuconvError, ModelError, UnsupportedModelError
from dlpuconv.frontends.tensorflow.keras_archive import PARTS, WEIGHTS
from dlpuconv.frontends.tensorflow.keras_config import INSTEAD, plain
from dlpuconv.frontends.tensorflow.worker.functions import Function, to_onnx
from dlpuconv.frontends.tensorflow.worker.keras_hdf5 import configuration, screen_hdf5
from dlpuconv.frontends.tensorflow.worker.keras_models import function_of
from dlpuconv.frontends.tensorflow.worker.plain_graph import stripped
from dlpuconv.frontends.tensorflow.worker.signatures import choose
from dlpuconv.isolation.refusals import refused
from dlpuconv.named_function import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dlpuconv.isolation.serve import Arrays, Facts, Task

_FORBIDDEN = (
    "socket.connect", "socket.get", "socket.bind", "socket.sendto", "subprocess.", "os.system", "os.exec",
    "os.posix_spawn", "os.fork",
)  # fmt: skip
"""Beginnings of events of Python's."""
_UNKNOWN = re.compile(r"Unknown [a-z ]+: '([\w>]+)'\. Please ensure")
"""Keras's words for a name in an HDF5 file that is not its own, where only the class is told."""


def _refuse(event: str, _arguments: tuple[Any, ...]) -> None:
    """Audit hook: reading a model needs neither the network nor other programs."""
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a model may not do {event}")


def prepare() -> None:
    """Import the libraries before the limits of the first question hold."""
    logging.disable(logging.WARNING)
    try:
        import keras
        import tensorflow as tf
        import tf2onnx.convert  # noqa: F401
    except ModuleNotFoundError:
        raise
    except ImportError as error:  # TensorFlow and Keras of versions that do not fit
        raise ModuleNotFoundError(str(error), name="tensorflow") from error
    tf.config.threading.set_intra_op_parallelism_threads(1)
    keras.config.disable_traceback_filtering()
    sys.addaudithook(_refuse)


def convert_keras(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """The parts of a `.keras` file by name -> `model`, a serialized ModelProto. Facts: `shapes` of inputs by name."""

    def load(folder: Path) -> Function:
        screen_hdf5(folder / WEIGHTS)
        try:
            return function_of(_loaded(folder))
        except ModelError as error:
            return function_of(_loaded_by_keras_2(_packed(folder), error))

    return _answered(facts, arrays, load)


def convert_h5(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """`model.h5` -> likewise."""

    def load(folder: Path) -> Function:
        path = folder / "model.h5"
        plain(json.loads(configuration(screen_hdf5(path))), "")
        try:
            return function_of(_loaded(path))
        except ModelError as error:
            return function_of(_loaded_by_keras_2(path, error))

    return _answered(facts, arrays, load)


def convert_saved_model(facts: Facts, arrays: Arrays) -> tuple[Facts, Arrays]:
    """The files of a SavedModel by their paths in it -> likewise. Facts: `signature` too, empty for the usual one."""

    def load(folder: Path) -> Function:
        import tensorflow as tf

        graph = folder / "saved_model.pb"
        graph.write_bytes(stripped(graph.read_bytes()))
        return choose(_tried("TensorFlow", lambda: tf.saved_model.load(str(folder))), facts["signature"])

    return _answered(facts, arrays, load)


def _loaded(path: Path) -> Any:
    """A model that Keras reads from a file of its older format, or from a folder of the parts of the newer one."""
    import keras

    keras.utils.clear_session()
    return _tried("Keras", lambda: keras.models.load_model(str(path), compile=False, safe_mode=True))


def _packed(folder: Path) -> Path:
    """The parts of a `.keras` file as one again, as Keras 2 reads them."""
    path = folder / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for part in PARTS:
            archive.write(folder / part, part)
    return path


def _loaded_by_keras_2(path: Path, refusal: ModelError) -> Any:
    """A model of layers that only Keras 2 knows, or in words of its own, where that is installed.

    Raises:
        ModelError: `refusal`, where it is not, or cannot read it either.
    """
    try:
        import tf_keras
    except ImportError:
        raise ModelError(
            f"{refusal} (if Keras 2 wrote it, `pip install tf-keras` may help)", id="keras-version"
        ) from refusal
    try:
        return tf_keras.models.load_model(str(path), compile=False, safe_mode=True)
    except Exception as error:  # whatever it says of a file that it did not write
        raise refusal from error


def _tried(library: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except MemoryError:
        raise
    except Exception as error:  # whatever a library says of a file that it did not write
        if unknown := _UNKNOWN.search(str(error)):
            raise UnsupportedModelError(
                f"it holds {unknown[1]!r}, which is not of Keras but Python code: {INSTEAD}", id="keras-python-code"
            ) from error
        raise ModelError(f"{library} cannot read it: {first_line(error)}", id="tensorflow-model-unreadable") from error


def _answered(facts: Facts, arrays: Arrays, load: Callable[[Path], Function]) -> tuple[Facts, Arrays]:
    """What is the user's to act on is an answer as well."""
    try:
        with _laid_out(arrays) as folder:
            shapes = {name: tuple(shape) for name, shape in facts["shapes"].items()}
            proto = to_onnx(load(folder), shapes)
    except DlpuconvError as error:
        return refused(error), {}
    return {}, {"model": np.frombuffer(proto.SerializeToString(), np.uint8)}


@contextmanager
def _laid_out(arrays: Arrays) -> Iterator[Path]:
    """A folder with these files, whose names this project chose, in the worker's own."""
    folder = Path(tempfile.mkdtemp(dir="."))
    try:
        for name, content in arrays.items():
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content.tobytes())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


TASKS: Mapping[str, Task] = {"keras": convert_keras, "h5": convert_h5, "saved_model": convert_saved_model}
