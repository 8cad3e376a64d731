"""The ends of a file: how source values reach the graph's inputs, and what its ports look like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.plugin import INT8, Affine, CalibrationError, Part, Port
from dlpuconv.plugin.quantization import range_of
from dlpuconv_backends.tflite.emission import Interface

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin import Job
    from dlpuconv.plugin.data import Sample
    from dlpuconv.plugin.onnx import InputBinding, ValueSpec
    from dlpuconv.plugin.quantization import Feed, OutputPiece, Range, Value
    from dlpuconv_backends.flatbuffer import Tensor

_UINT8_SHIFT = 128


def feeds(
    samples: Iterable[Sample],
    bindings: Mapping[str, InputBinding],
    inputs: Sequence[Tensor | Value],
    permutations: Mapping[str, tuple[int, ...]],
) -> Iterator[Feed]:
    """Samples of the source model as values of the graph's inputs, one at a time.

    Raises:
        CalibrationError: a sample does not fit the inputs.
    """
    for sample in samples:
        yield {t.name: _value(sample.get(t.name), bindings.get(t.name), t, permutations) for t in inputs}


def _value(
    source: npt.NDArray[np.float32] | None,
    binding: InputBinding | None,
    tensor: Tensor | Value,
    permutations: Mapping[str, tuple[int, ...]],
) -> npt.NDArray[np.float32]:
    if source is None:
        raise CalibrationError(f"a calibration sample has no values for the input {tensor.name!r}")
    bound = binding.apply(source) if binding else source
    permutation = permutations.get(tensor.name)
    value = np.transpose(bound, permutation) if permutation else bound
    if value.shape != tensor.shape:
        raise CalibrationError(
            f"a calibration sample for {tensor.name!r} has the shape {tuple(source.shape)}, which gives {value.shape}"
            f" in the converted model's layout, where {tensor.shape} is needed"
        )
    return np.asarray(value, tensor.dtype, order="C")  # ascontiguousarray would make a number a vector


def interface_of(job: Job) -> Interface:
    """The types that the job wants at the ends of a file."""
    return Interface(input_dtype=job.interface.input_dtype, output_dtype=job.interface.output_dtype)


def prescribed_inputs(bindings: Mapping[str, InputBinding]) -> dict[str, Affine]:
    """Scale and zero point, in int8, of the inputs whose binding fixes them; a binding speaks of uint8."""
    return {
        name: Affine.of(float(np.float32(binding.quantization.scale)), binding.quantization.zero_point - _UINT8_SHIFT)
        for name, binding in bindings.items()
        if binding.quantization is not None
    }


def clipped_inputs(prescribed: Mapping[str, Affine], observed: Mapping[str, Range]) -> list[str]:
    """Warnings of inputs whose samples leave the range that their fixed quantization holds."""
    told = []
    for name, affine in prescribed.items():
        values, held = observed.get(name), range_of(affine, INT8)
        if values is not None and not values.within(held, slack=affine.scale):
            told.append(
                f"input {name!r} holds values from {held.low:.4g} to {held.high:.4g}, but the calibration samples go"
                f" from {values.low:.4g} to {values.high:.4g}: what lies outside is clipped"
            )
    return told


def output_port(
    specs: Sequence[ValueSpec], piece: OutputPiece, tensor: Tensor, orders: Mapping[str, tuple[int, ...]]
) -> Port:
    """An output of the file, beside the source model's output that it is or is a part of.

    Args:
        specs: the source model's outputs.
        piece: which of them, and what of it.
        tensor: in the file.
        orders: permutation by name of the source's output.
    """
    spec = specs[piece.output]
    whole = port(spec, tensor, orders[spec.name])
    if piece.axis is None:
        return whole
    axis = whole.permutation[piece.axis]
    part = Part(output=spec.name, axis=axis, start=piece.start, stop=piece.stop)
    shape = (*spec.shape[:axis], piece.stop - piece.start, *spec.shape[axis + 1 :])
    return replace(whole, name=tensor.name, source_shape=shape, part=part)


def port(spec: ValueSpec, tensor: Tensor, permutation: tuple[int, ...]) -> Port:
    """An input or output of the file, beside the source model's."""
    return Port(
        name=spec.name,
        source_shape=spec.shape,
        shape=tensor.shape,
        permutation=permutation,
        dtype=tensor.dtype.name,
        quantization=tensor.quantization,
    )
