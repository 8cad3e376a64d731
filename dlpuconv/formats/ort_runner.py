"""Runs `.onnx` files and models in memory in ONNX Runtime, in float: the reference of every comparison.

ONNX Runtime trusts what it is given, so it runs in a worker, which a model may end, and which takes no more memory and
time than the model may have.
"""

from __future__ import annotations

import os
import weakref
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.files.regular import read_regular
from dlpuconv.files.scratch import make_folder, remove_folder
from dlpuconv.formats.onnx_worker import ONNX_MODELS
from dlpuconv.ir.weight_file import no_room, trim
from dlpuconv.ir.weights import split_proto
from dlpuconv.isolation import GIBIBYTE, ExcessError, Limits, MissingLibraryError, TaskError, Worker, WorkerError, pool
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.formats.view import TensorView
    from dlpuconv.ir.weights import Split
    from dlpuconv.isolation.messages import Message

OF_ONES_OWN = Limits(memory=8 * GIBIBYTE, seconds=300)
"""For a file that the user compares with a model and samples of their own."""
OF_A_STRANGER = Limits(memory=GIBIBYTE, seconds=30)
"""For a file that is run just to see what it answers."""
MANY = 64 << 20
"""Bytes of weights from which a session gives up speed, and sums in the usual order, for half of its memory."""
_LONGEST_REASON = 300
_MODEL = "model.onnx"
_TO_FORGET = Limits(memory=GIBIBYTE, seconds=30)


class RefusedModelError(ArtifactError):
    """ONNX Runtime refuses a model or an input; `reason` is what it says, all of it."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason[:_LONGEST_REASON]}")
        self.what, self.reason = what, reason

    @override
    def __reduce__(self) -> tuple[type[RefusedModelError], tuple[str, str]]:
        return type(self), (self.what, self.reason)


class EndedError(ArtifactError):
    """A model ends the process that runs it."""


class TooMuchError(EndedError):
    """A model takes more than it may; `reason` says of what, to follow `not run: `."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason

    @override
    def __reduce__(self) -> tuple[type[TooMuchError], tuple[str, str]]:
        return type(self), (self.name, self.reason)


class OrtRunner:
    """A session of one model; see `formats.runner.Runner`.

    Samples are float32: inputs are cast to the model's own types.
    """

    def __init__(
        self,
        model: Path | bytes | Split,
        name: str = "the model",
        *,
        optimize: bool = True,
        limits: Limits = OF_ONES_OWN,
    ) -> None:
        """Load a model.

        Args:
            model: a file, a serialized ModelProto, or one in two parts, whose weights are not copied.
            name: for messages, where there is no file name.
            optimize: False to compute the graph as it is written: slower, and sums are taken in another order.
            limits: what it may take without its weights, for which it gets more.

        Raises:
            RefusedModelError: ONNX Runtime refuses it.
            EndedError: it does not survive the model.
            TooMuchError: it takes more than it may.
            ArtifactError: no process can be had.
        """
        self._name = model.name if isinstance(model, Path) else name
        if isinstance(model, Path) and model.stat().st_size >= MANY:
            model = split_file(model) or model
        size = _size(model)
        self._limits = limits.for_size(size)
        self._worker = self._taken()
        weakref.finalize(self, _release, self._worker)
        facts = {"optimize": optimize, "frugal": size >= MANY}
        with _parts(model, mapped=size >= MANY) as parts:
            path, arrays = parts
            where = {"path": self._address(path)} if path else {}
            told = self._asked("cannot load it", "load", arrays, **facts, **where)
        self._types: dict[str, str | None] = dict(told.facts["inputs"])

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            RefusedModelError: an input does not fit the model, or a kernel fails.
            EndedError: the process does not survive it.
            TooMuchError: it takes more than it may.
        """
        try:
            feed = {name: _cast(inputs[name], dtype) for name, dtype in self._types.items()}
        except KeyError as error:
            raise ArtifactError(f"{self._name} has the input {error.args[0]!r}; given: {listed(inputs)}") from error
        answer = self._asked("cannot run it", "run", feed, lent=True)
        return {name: np.array(values) for name, values in answer.arrays.items()}

    def _taken(self) -> Worker:
        try:
            return pool.take(ONNX_MODELS)
        except OSError as error:
            raise ArtifactError(f"{self._name}: no process can be had to run it: {error.strerror or error}") from error

    def _asked(self, failure: str, task: str, arrays: Mapping[str, npt.NDArray[Any]], **facts: Any) -> Message:
        try:
            answer = self._worker.ask(task, self._limits, arrays, **facts)
        except (TaskError, MissingLibraryError) as error:
            raise RefusedModelError(f"{self._name}: ONNX Runtime {failure}", str(error)) from error
        except ExcessError as error:
            raise TooMuchError(self._name, f"it {error}") from error
        except WorkerError as error:
            raise EndedError(
                f"{self._name}: the file is damaged: it ends the process that runs it ({error})"
            ) from error
        if "refused" in answer.facts:
            raise RefusedModelError(f"{self._name}: ONNX Runtime {failure}", str(answer.facts["refused"]))
        return answer

    def _address(self, path: Path) -> str:
        """What ONNX Runtime, which knows UTF-8 only, opens a file by."""
        try:
            return os.fsencode(path.absolute()).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime opens no file whose path is not UTF-8") from error


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
        raise ArtifactError(f"{path.name}: it cannot be read: {error}") from error
    del model
    trim()
    return split


class OrtTracer(OrtRunner):
    """A session that also gives values from inside the model."""

    def __init__(
        self,
        model: Split,
        names: Iterable[str],
        name: str = "the model",
        *,
        limits: Limits = OF_ONES_OWN,
    ) -> None:
        """Load a model.

        Args:
            model: not changed.
            names: of the values that are wanted, all of the main graph.
            name: for messages.
            limits: as `OrtRunner` has them.

        Raises:
            ArtifactError: ONNX Runtime refuses it.
        """
        super().__init__(with_outputs(model, names), name, limits=limits)
        self._last: dict[str, npt.NDArray[np.generic]] = {}

    @override
    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the model's outputs and the values that were asked for."""
        self._last = super().run(inputs)
        return self._last

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference."""
        return self._last[tensor.name]


def _release(worker: Worker) -> None:
    """Let the worker forget the model, for whoever needs one next."""
    if worker.is_usable:
        with suppress(WorkerError, OSError):
            worker.ask("forget", _TO_FORGET)
    pool.give_back(worker)


def _size(model: Path | bytes | Split) -> int:
    if isinstance(model, Path):
        return model.stat().st_size
    if isinstance(model, bytes):
        return len(model)
    return int(model.proto.ByteSize()) + sum(values.nbytes for values in model.weights.values())


@contextmanager
def _folder_of(model: Split) -> Iterator[Path]:
    """A folder with the model in one file and its weights in another; a loaded session needs it no longer.

    Raises:
        OutputError: the folder for temporary files has no room.
    """
    try:
        folder = make_folder("session")
    except OSError as error:
        raise no_room(error) from error
    try:
        proto = model.with_file(folder / "weights").SerializeToString()
        try:
            (folder / _MODEL).write_bytes(proto)
        except OSError as error:
            raise no_room(error) from error
        trim()
        yield folder
    finally:
        remove_folder(folder)


@contextmanager
def _parts(model: Path | bytes | Split, *, mapped: bool) -> Iterator[tuple[Path | None, dict[str, npt.NDArray[Any]]]]:
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


def with_outputs(model: Split, names: Iterable[str]) -> Split:
    """A model that also gives values from inside it.

    Args:
        model: it is not changed.
        names: of the values that are wanted, all of the main graph.
    """
    import onnx

    traced = onnx.ModelProto()
    traced.CopyFrom(model.proto)
    known = {value.name for value in traced.graph.output}
    traced.graph.output.extend(onnx.ValueInfoProto(name=wanted) for wanted in names if wanted not in known)
    return replace(model, proto=traced)


def _cast(value: npt.NDArray[np.generic], dtype: str | None) -> npt.NDArray[np.generic]:
    return np.asarray(value, dtype, order="C")  # ascontiguousarray would make a number a vector
