"""The ends of a file: how source values reach the graph's inputs, and what its ports look like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv.plugin import Part, Port
from dlpuconv_backends.tflite.emission import Interface

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.plugin import Job
    from dlpuconv.plugin.onnx import ValueSpec
    from dlpuconv.plugin.quantization import OutputPiece
    from dlpuconv_backends.flatbuffer import Tensor

_UINT8_SHIFT = 128


def interface_of(job: Job) -> Interface:
    """The types that the job wants at the ends of a file."""
    return Interface(input_dtype=job.interface.input_dtype, output_dtype=job.interface.output_dtype)


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
    part = Part(output=spec.name, axis=axis, start=piece.start, stop=piece.stop, step=piece.step, run=piece.run)
    shape = (*spec.shape[:axis], piece.stride.count, *spec.shape[axis + 1 :])
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
