"""Runs a source file in its own runtime, under the names of the model that was made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir.affine import IntegerType

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats import TensorView
    from dlpuconv.ir import Model, Original


class OriginalRunner:
    """A `.tflite` source on TFLite's own kernels; see `formats.runner.Runner`."""

    def __init__(self, model: Model, original: Original) -> None:
        """Load the file.

        Args:
            model: one that `stands_for_file` holds of.
            original: its file.

        Raises:
            ArtifactError: LiteRT refuses the file, or crashes on it.
            MissingDependencyError: ai-edge-litert is not installed.
        """
        view = parse_tflite(original.content)
        self._outputs = {spec.name: original.tensors[spec.name] for spec in model.signature.outputs}
        inner = not set(view.outputs).issuperset(self._outputs.values())
        self._runner = LiteRtRunner(original.content, name=model.source.name, keep=inner)
        self._positions = {index: position for position, index in enumerate(view.outputs)}
        self._tensors = view.tensors
        ports = zip(original.inputs, self._runner.inputs, view.inputs, strict=True)
        self._inputs = {name: (port, view.tensors[index]) for name, port, index in ports}

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ArtifactError: a kernel fails.
        """
        feed = {port: _as_file_has(inputs[name], tensor) for name, (port, tensor) in self._inputs.items()}
        made = list(self._runner.run(feed).values())
        found = {
            name: made[self._positions[index]] if index in self._positions else self._runner.value(self._tensors[index])
            for name, index in self._outputs.items()
        }
        return {name: _real(values, self._tensors[self._outputs[name]]) for name, values in found.items()}


def stands_for_file(model: Model) -> bool:
    """Whether the model takes what its source file takes, in the size that the file has, and gives tensors of it.

    Shapes that were asked for, and parts of a divided network, are no file's.
    """
    original = model.original
    if original is None or any(spec.name not in original.tensors for spec in model.signature.outputs):
        return False
    view, given = parse_tflite(original.content), {spec.name: spec.shape for spec in model.signature.inputs}
    files = {name: view.tensors[index] for name, index in zip(original.inputs, view.inputs, strict=True)}
    return given.keys() == files.keys() and all(
        given[name] in (shape := tuple(max(extent, 1) for extent in tensor.shape), (1, *shape))
        for name, tensor in files.items()
    )


def _as_file_has(values: npt.NDArray[np.generic], tensor: TensorView) -> npt.NDArray[np.generic]:
    """Without the batch that a picture was given, in the file's type: as codes where they stand for real numbers."""
    shaped = values.reshape([max(extent, 1) for extent in tensor.shape])
    if tensor.quantization is not None and not tensor.is_float:
        return tensor.quantization.encode(shaped, IntegerType.named(tensor.dtype))
    return shaped.astype(tensor.dtype, copy=False)


def _real(values: npt.NDArray[np.generic], tensor: TensorView) -> npt.NDArray[np.generic]:
    """What the file gives, in real numbers."""
    if tensor.quantization is None or tensor.is_float:
        return values
    return tensor.quantization.decode(values).astype("float32")
