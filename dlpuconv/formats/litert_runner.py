"""Runs `.tflite` files on TFLite's integer kernels.

"Integer kernels" means LiteRT with `BUILTIN_WITHOUT_DEFAULT_DELEGATES`, everywhere in dlpuconv: the XNNPACK delegate
rounds differently (on a MobileNetV2 the two agree to 14 dB only), and a figure is worth nothing without saying which.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ArtifactError, MissingDependencyError
from dlpuconv.formats.litert_session import LIBRARY, PLAIN, LiteRtSession, RefusedError
from dlpuconv.formats.names import port_names
from dlpuconv.formats.tflite_file import parse_tflite, read_tflite
from dlpuconv.isolation import CrashError, ExcessError, MissingLibraryError, TaskError, WorkerError
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.formats.view import FileView, TensorView

_MOST_VALUES = 1 << 31  # over all activations; the largest real model known here has 30 million
_MOST_KEPT = 1 << 28  # all at the same time
_BYTES_OF_A_VALUE = 4
_FAILURES = {"load": "cannot load it", "run": "cannot run it", "values": "cannot tell what is inside it"}


class LiteRtRunner:
    """A file in a process of its own, which it may end; see `formats.runner.Runner`."""

    def __init__(self, file: Path | bytes, *, name: str = "", keep: bool = False) -> None:
        """Load a file.

        Args:
            file: where it is, or its content; LiteRT sees it only after our own reader accepted it.
            name: what to call it in a message; by default its own.
            keep: every activation keeps its place in memory, so that `value` can tell what it was.

        Raises:
            ArtifactError: our reader or LiteRT refuses it, its tensors need gigabytes, or LiteRT crashes on it.
            MissingDependencyError: ai-edge-litert is not installed.
        """
        view = parse_tflite(file) if isinstance(file, bytes) else read_tflite(file)
        self._name = name or ("the file" if isinstance(file, bytes) else file.name)
        activations = _BYTES_OF_A_VALUE * _values(self._name, view, _MOST_KEPT if keep else _MOST_VALUES)
        self.inputs = port_names(view, view.inputs)
        self._outputs = port_names(view, view.outputs)
        self._session = LiteRtSession(
            file,
            kernels=PLAIN,
            activations=activations,
            failure=partial(_failure, self._name),
            keep=keep,
        )

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ArtifactError: an input does not fit the file, a kernel fails, or LiteRT crashes on it.
        """
        try:
            feed = {position: np.asarray(inputs[name]) for position, name in enumerate(self.inputs)}
        except KeyError as error:
            raise ArtifactError(
                f"{self._name} takes the input {error.args[0]!r}, which was not given; given: {listed(inputs)}",
                id="artifact-input-missing",
            ) from error
        return dict(zip(self._outputs, self._session.run(feed), strict=True))

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference, for a runner that keeps them.

        Raises:
            ArtifactError: TFLite does not have it.
        """
        return self._session.value(tensor.index)


def _failure(name: str, task: str, error: RefusedError | WorkerError) -> Exception:
    """Whatever LiteRT or its process does wrong is one sentence."""
    match error:
        case RefusedError() | TaskError():
            return ArtifactError(f"{name}: TFLite {_FAILURES[task]}: {error}", id="artifact-refused")
        case MissingLibraryError():
            return MissingDependencyError(LIBRARY, "tflite", "running a .tflite file")
        case ExcessError():
            return ArtifactError(f"{name}: running it {error}", id="artifact-run-limit")
        case CrashError():
            return ArtifactError(
                f"{name}: the process that ran it ended, so the file is probably damaged", id="artifact-run-crash"
            )
        case _:
            return ArtifactError(f"{name}: the process that runs it {error}", id="artifact-run-lost")


def _values(name: str, view: FileView, most: int) -> int:
    """Number of values of all activations; it needs a limit, because LiteRT allocates whatever a file claims."""
    total = sum(tensor.size for tensor in view.tensors if not tensor.constant)
    if total > most:
        raise ArtifactError(f"{name} has activations of {total} values, too many to run", id="artifact-run-limit")
    return total
