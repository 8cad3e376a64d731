"""How ONNX Runtime, which trusts what it is given, is asked about a model: in a worker, with errors of the model.

A model may end the worker, and takes no more memory and time than it may have.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, override

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.files.regular import read_regular
from dlpuconv.files.scratch import make_folder, remove_folder
from dlpuconv.formats.onnx_worker import ONNX_MODELS
from dlpuconv.ir.weight_file import no_room, trim
from dlpuconv.ir.weights import split_proto
from dlpuconv.isolation import GIBIBYTE, ExcessError, Limits, MissingLibraryError, TaskError, WorkerError, pool

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from dlpuconv.ir.weights import Split
    from dlpuconv.isolation import Worker
    from dlpuconv.isolation.messages import Message

OF_ONES_OWN = Limits(memory=8 * GIBIBYTE, seconds=300)
"""For a file that the user compares with a model and samples of their own."""
MANY = 64 << 20
"""Bytes of weights from which a session gives up speed, and sums in the usual order, for half of its memory."""
CANNOT_LOAD: Final = "cannot load it"
_LONGEST_REASON = 300
_MODEL = "model.onnx"


class RefusedModelError(ArtifactError):
    """ONNX Runtime refuses a model or an input; `reason` is what it says, all of it."""

    id = "artifact-refused"

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason[:_LONGEST_REASON]}")
        self.what, self.reason = what, reason

    @override
    def __reduce__(self) -> tuple[type[RefusedModelError], tuple[str, str]]:
        return type(self), (self.what, self.reason)


class EndedError(ArtifactError):
    """A model ends the process that runs it."""

    id = "artifact-run-crash"


class TooMuchError(EndedError):
    """A model takes more than it may; `reason` says of what, to follow `not run: `."""

    id = "artifact-run-limit"

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason

    @override
    def __reduce__(self) -> tuple[type[TooMuchError], tuple[str, str]]:
        return type(self), (self.name, self.reason)


def taken(name: str) -> Worker:
    """A worker from the pool, for a model of this name.

    Raises:
        ArtifactError: none can be had.
    """
    try:
        return pool.take(ONNX_MODELS)
    except OSError as error:
        raise ArtifactError(
            f"{name}: the process that runs it cannot be started: {error.strerror or error}", id="artifact-run-lost"
        ) from error


def address(name: str, path: Path) -> str:
    """What ONNX Runtime, which knows UTF-8 only, opens a file by."""
    try:
        return os.fsencode(path.absolute()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(
            f"{name}: ONNX Runtime opens no file whose path is not UTF-8", id="artifact-path-encoding"
        ) from error


@contextmanager
def told_of(name: str, failure: str) -> Iterator[None]:
    """What a worker raises, as errors of the model that it was asked about."""
    try:
        yield
    except (TaskError, MissingLibraryError) as error:
        raise RefusedModelError(f"{name}: ONNX Runtime {failure}", str(error)) from error
    except ExcessError as error:
        raise TooMuchError(name, f"it {error}") from error
    except WorkerError as error:
        raise EndedError(f"{name}: the process that ran it ended, so the file is probably damaged ({error})") from error


def accepted(name: str, failure: str, answer: Message) -> Message:
    """An answer that is no refusal.

    Raises:
        RefusedModelError: it is one.
    """
    if "refused" in answer.facts:
        raise RefusedModelError(f"{name}: ONNX Runtime {failure}", str(answer.facts["refused"]))
    return answer


@contextmanager
def optimize(model: Path | Split, name: str, limits: Limits = OF_ONES_OWN) -> Iterator[Path]:
    """A file that holds what ONNX Runtime would run of a model on a processor; it is there as long as this lasts.

    Args:
        model: a file, or a model in two parts.
        name: for messages, where there is no file name.
        limits: as `OrtRunner` has them.

    Raises:
        RefusedModelError: ONNX Runtime refuses it.
        EndedError: it crashes on the model.
        TooMuchError: it takes more than it may.
        ArtifactError: no process can be started.
    """
    name = model.name if isinstance(model, Path) else name
    with _new_folder("optimized") as folder:
        with parts(model, mapped=True) as (path, _):
            assert path is not None  # of a mapped model
            result = folder / _MODEL
            told: dict[str, Any] = {"path": address(name, path), "result": address(name, result)}
            worker = taken(name)
            try:
                with told_of(name, CANNOT_LOAD):
                    answer = worker.ask("optimize", limits.for_size(size_of(model)), **told)
            finally:
                pool.give_back(worker)
            accepted(name, CANNOT_LOAD, answer)
        yield result


def split_file(path: Path) -> Split | None:
    """What a file holds, in two parts; None where it keeps weights in other files, which only a worker opens.

    Raises:
        ArtifactError: it cannot be read, or is no model.
    """
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # it brings no types

    try:
        model = onnx.ModelProto.FromString(read_regular(path))
        if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
            return None
        split = split_proto(model)
    except (OSError, DecodeError, ValueError) as error:
        raise ArtifactError(f"{path.name}: it cannot be read: {error}", id="artifact-unreadable") from error
    del model
    trim()
    return split


def size_of(model: Path | bytes | Split) -> int:
    """Bytes of a model."""
    if isinstance(model, Path):
        return model.stat().st_size
    if isinstance(model, bytes):
        return len(model)
    return int(model.proto.ByteSize()) + sum(values.nbytes for values in model.weights.values())


@contextmanager
def _new_folder(kind: str) -> Iterator[Path]:
    """A folder for temporary files, as long as this lasts.

    Raises:
        OutputError: there is no place for it.
    """
    try:
        folder = make_folder(kind)
    except OSError as error:
        raise no_room(error) from error
    try:
        yield folder
    finally:
        remove_folder(folder)


@contextmanager
def _folder_of(model: Split) -> Iterator[Path]:
    """A folder with the model in one file and its weights in another; a loaded session needs it no longer.

    Raises:
        OutputError: the folder for temporary files has no room.
    """
    with _new_folder("session") as folder:
        proto = model.with_file(folder / "weights").SerializeToString()
        try:
            (folder / _MODEL).write_bytes(proto)
        except OSError as error:
            raise no_room(error) from error
        trim()
        yield folder


@contextmanager
def parts(model: Path | bytes | Split, *, mapped: bool) -> Iterator[tuple[Path | None, dict[str, npt.NDArray[Any]]]]:
    """As the worker takes a model: a path, or arrays: `model` is the protobuf, all else weights by name behind a slash.

    Args:
        model: as it is given.
        mapped: weights are written into a file, for ONNX Runtime maps those, and copies what it is given otherwise.
    """
    if isinstance(model, Path):
        yield model, {}
    elif isinstance(model, bytes):
        yield None, {"model": np.frombuffer(model, np.uint8)}
    elif mapped:
        with _folder_of(model) as folder:
            yield folder / _MODEL, {}
    else:
        proto = np.frombuffer(model.proto.SerializeToString(), np.uint8)
        held = (tensor.name for tensor in model.proto.graph.initializer if tensor.name in model.weights)
        yield None, {"model": proto, **{f"/{name}": model.weights[name] for name in held}}
