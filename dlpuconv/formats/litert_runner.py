"""Runs `.tflite` files on TFLite's integer kernels.

"Integer kernels" means LiteRT with `BUILTIN_WITHOUT_DEFAULT_DELEGATES`, everywhere in dlpuconv: the XNNPACK delegate
rounds differently (on a MobileNetV2 the two agree to 14 dB only), and a figure is worth nothing without saying which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.brief import listed
from dlpuconv.errors import ArtifactError, MissingDependencyError
from dlpuconv.formats.names import port_names
from dlpuconv.formats.tflite_file import read_tflite

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.view import FileView, TensorView

_THREADS = 1  # a second one waits in a loop: little gained on an idle machine, and ten times slower on a busy one
_MOST_VALUES = 1 << 31  # over all activations; the largest real model known here has 30 million
_MOST_KEPT = 1 << 28  # all at the same time


class LiteRtRunner:
    """An interpreter of one file; see `formats.runner.Runner`."""

    def __init__(self, path: Path, *, keep: bool = False) -> None:
        """Load a file.

        Args:
            path: the file; LiteRT sees it only after our own reader accepted it, since it ends the process on some
                broken ones.
            keep: every activation keeps its place in memory, so that `value` can tell what it was.

        Raises:
            ArtifactError: our reader or LiteRT refuses it, or its tensors need gigabytes.
            MissingDependencyError: ai-edge-litert is not installed.
        """
        view = read_tflite(path)
        _check_size(path, view, _MOST_KEPT if keep else _MOST_VALUES)
        self._inputs = port_names(view, view.inputs)
        self._outputs = port_names(view, view.outputs)
        self._name = path.name
        try:
            from ai_edge_litert.interpreter import Interpreter, OpResolverType
        except ImportError as error:
            raise MissingDependencyError("ai-edge-litert", "tflite", "running a .tflite file") from error
        try:
            self._interpreter: Any = Interpreter(
                model_path=str(path),
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
                num_threads=_THREADS,
                experimental_preserve_all_tensors=keep,
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{path.name}: TFLite cannot load it: {_first_line(error)}") from error
        self._input_details = self._interpreter.get_input_details()
        self._output_details = self._interpreter.get_output_details()

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ArtifactError: an input does not fit the file, or a kernel fails.
        """
        try:
            for name, detail in zip(self._inputs, self._input_details, strict=True):
                self._interpreter.set_tensor(detail["index"], inputs[name])
            self._interpreter.invoke()
        except KeyError as error:
            raise ArtifactError(f"{self._name} has the input {error.args[0]!r}; given: {listed(inputs)}") from error
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{self._name}: TFLite cannot run it: {_first_line(error)}") from error
        return {
            name: self._interpreter.get_tensor(detail["index"])
            for name, detail in zip(self._outputs, self._output_details, strict=True)
        }

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference, for a runner that keeps them.

        Raises:
            ArtifactError: TFLite does not have it.
        """
        try:
            values: npt.NDArray[np.generic] = self._interpreter.get_tensor(tensor.index)
        except (RuntimeError, ValueError) as error:
            raise ArtifactError(f"{self._name}: TFLite cannot give {tensor.name!r}: {_first_line(error)}") from error
        return values


def _check_size(path: Path, view: FileView, most: int) -> None:
    """A few bytes of a hostile file can claim tensors of any size; LiteRT would allocate them."""
    total = sum(tensor.size for tensor in view.tensors if not tensor.constant)
    if total > most:
        raise ArtifactError(f"{path.name} asks for {total} activation values, too many to run")


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
