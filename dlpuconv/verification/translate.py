"""Values of the source model <-> values of the artifact: binding, permutation, scale and zero point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ShapeError
from dlpuconv.ir.affine import IntegerType
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import Sample
    from dlpuconv.ir import InputBinding, Port


def to_artifact(
    sample: Sample, ports: tuple[Port, ...], bindings: Mapping[str, InputBinding]
) -> dict[str, npt.NDArray[np.generic]]:
    """One sample as the artifact takes it.

    `q = clip(round(x / scale) + zero_point)`, x the bound sample in the artifact's axis order; a float port takes x.

    Args:
        sample: by input name, in the source model's layout and value domain.
        ports: the artifact's inputs.
        bindings: by input name; an input without one is taken as it is.

    Raises:
        ShapeError: the sample lacks an input, or has another shape than the port.
    """
    return {port.name: _quantize(_bound(sample, port, bindings), port) for port in ports}


def to_source(value: npt.NDArray[np.float32], port: Port, binding: InputBinding | None) -> npt.NDArray[np.float32]:
    """What the source model takes where the artifact takes `value`: the inverse of `to_artifact` for a float port."""
    if len(port.permutation) == value.ndim:
        value = value.transpose(np.argsort(port.permutation))
    value = value.reshape(port.source_shape)
    return np.asarray(binding.invert(value) if binding else value, np.float32, order="C")


def from_artifact(value: npt.NDArray[np.generic], port: Port) -> npt.NDArray[np.float64]:
    """An output in real units and in the source model's layout: `scale * (q - zero_point)`, transposed back."""
    real = np.asarray(value, np.float64) if port.quantization is None else port.quantization.decode(value)
    if port.permutation and len(port.permutation) == real.ndim:
        real = real.transpose(np.argsort(port.permutation))
    return real.reshape(port.source_shape) if real.size == np.prod(port.source_shape, dtype=np.int64) else real


def _bound(sample: Sample, port: Port, bindings: Mapping[str, InputBinding]) -> npt.NDArray[np.float32]:
    if port.source_name not in sample:
        raise ShapeError(
            f"the samples have no input {port.source_name!r}; they have {listed(sample)}", id="samples-misfit"
        )
    value = np.asarray(sample[port.source_name], np.float32)
    if port.part is not None and port.part.axis < value.ndim and port.part.stop <= value.shape[port.part.axis]:
        value = value[port.part.index]
    if value.size != np.prod(port.shape, dtype=np.int64):
        raise ShapeError(
            f"the samples' {port.name!r} has the shape {value.shape}; the file takes {port.shape}", id="samples-misfit"
        )
    if port.name in bindings:
        try:
            value = bindings[port.name].apply(value)
        except (LookupError, ValueError) as error:
            raise ShapeError(
                f"what the manifest says of {port.name!r} does not fit {value.shape}: {error}", id="manifest-misfit"
            ) from error
    if len(port.permutation) == value.ndim:
        value = value.transpose(port.permutation)
    return np.asarray(value.reshape(port.shape), order="C")  # ascontiguousarray would make a number a vector


def _quantize(value: npt.NDArray[np.float32], port: Port) -> npt.NDArray[np.generic]:
    if port.quantization is None:
        return value.astype(port.dtype)
    return port.quantization.encode(value, IntegerType.named(port.dtype))
