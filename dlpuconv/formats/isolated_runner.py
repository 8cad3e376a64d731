"""Runs an `.onnx` file of a stranger in a process of its own, which may end, and takes no more than it is given."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.frames import Frame, receive, send
from dlpuconv.formats.ort_runner import with_outputs
from dlpuconv.ir.weights import split_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt
    import onnx

    from dlpuconv.formats.view import TensorView

_WORKER = Path(__file__).with_name("isolated_runner_worker.py")
_GIBIBYTE = 1 << 30
_PIPE = 1 << 20  # bytes: as many as Linux gives to anybody
_START_S = 60  # of Python and ONNX Runtime, on a machine that has much else to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may take.

    Attributes:
        memory: bytes beside the weights and the libraries.
        seconds: of each inference.
    """

    memory: int
    seconds: int


OF_ONES_OWN = Limits(memory=8 * _GIBIBYTE, seconds=300)
"""For a file that the user compares with a model and samples of their own."""
OF_A_STRANGER = Limits(memory=_GIBIBYTE, seconds=30)
"""For a file that is run just to see what it answers."""


class ExcessError(ArtifactError):
    """A model takes more than it may; `reason` says of what, to follow `not run: `."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


class IsolatedRunner:
    """ONNX Runtime in another process, which ends with this object; see `formats.runner.Runner`."""

    def __init__(self, path: Path, limits: Limits = OF_ONES_OWN, *, optimize: bool = True) -> None:
        """Load a model.

        Args:
            path: an `.onnx` file.
            limits: what it may take.
            optimize: as `OrtRunner` has it.

        Raises:
            ArtifactError: ONNX Runtime refuses it or does not survive it, or no process can be had.
            ExcessError: it takes more than it may.
        """
        self._name, self._limits = path.name, limits
        order = "optimize" if optimize else "plain"
        command = [sys.executable, "-P", str(_WORKER), str(path), str(limits.memory), str(limits.seconds), order]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise ArtifactError(f"{self._name}: no process can be had to run it: {error.strerror or error}") from error
        weakref.finalize(self, _end, self._process)
        _widen(self._process)
        self._answer(None, _START_S)

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ArtifactError: an input does not fit the model, a kernel fails, or the process does not survive it.
            ExcessError: it takes more than it may.
        """
        return dict(self._answer(Frame(arrays=inputs)).arrays)

    def load(self, model: bytes) -> None:
        """Go on with another form of the model, within the same limits.

        Args:
            model: a serialized ModelProto.

        Raises:
            ArtifactError: ONNX Runtime refuses it or does not survive it.
            ExcessError: it takes more than it may.
        """
        self._answer(Frame(arrays={"": np.frombuffer(model, np.uint8)}, model=True))

    def _answer(self, asked: Frame | None, more_seconds: int = 0) -> Frame:
        """What the process answers, in time."""
        with self._in_time(self._limits.seconds + more_seconds) as late:
            frame = self._exchange(asked)
        if frame is None and late.is_set():
            raise ExcessError(self._name, f"it takes more than {self._limits.seconds} s")
        memory = f"{self._limits.memory // _GIBIBYTE} GiB"
        if frame is None:
            raise ArtifactError(
                f"{self._name}: the file is damaged, or needs more than {memory}: it ends the process that runs it"
            )
        if frame.excess:
            raise ExcessError(self._name, f"it takes more than {memory}")
        if frame.problem:
            raise ArtifactError(frame.problem)
        return frame

    def _exchange(self, asked: Frame | None) -> Frame | None:
        """What it answers; None where it has gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            if asked is not None:
                with suppress(OSError):  # it has gone, and may have left word why
                    send(self._process.stdin, asked)
            return receive(self._process.stdout, self._limits.memory)
        except ValueError as error:
            raise ArtifactError(f"{self._name}: it has no usable answer: {error}") from error

    @contextmanager
    def _in_time(self, seconds: int) -> Iterator[threading.Event]:
        """End the process when it does not answer in time; the event tells so."""
        late, process = threading.Event(), self._process

        def end() -> None:  # of the process alone: this object may go before the timer has
            late.set()
            process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()


class IsolatedTracer:
    """A runner that has run, and from now on also tells what values inside the model were; see `OrtTracer`."""

    def __init__(self, runner: IsolatedRunner, model: onnx.ModelProto, names: Iterable[str]) -> None:
        """Load the model once more, in the same process.

        Args:
            runner: of the model.
            model: with its weights; it is not changed.
            names: of the values that are wanted, all of the main graph.

        Raises:
            ArtifactError: as `IsolatedRunner.load`.
        """
        runner.load(with_outputs(split_proto(model), names).to_proto().SerializeToString())
        self._runner = runner
        self._last: dict[str, npt.NDArray[np.generic]] = {}

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the model's outputs and the values that were asked for."""
        self._last = self._runner.run(inputs)
        return self._last

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference."""
        return self._last[tensor.name]


def _widen(process: subprocess.Popen[bytes]) -> None:
    """Let more pass at a time; where that is not granted, it takes longer."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        for stream in (process.stdin, process.stdout):
            fcntl.fcntl(stream, fcntl.F_SETPIPE_SZ, _PIPE)  # type: ignore[arg-type] # both are pipes


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # what it was not able to read is left in the buffer
            if stream is not None:
                stream.close()
    process.wait()
