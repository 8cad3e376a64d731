"""Codes of constants to real numbers and back, in float32 as ONNX Runtime computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ModelError
from dlpuconv.frontends.quantized.constants import Codes

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.frontends.quantized.parameters import Parameters


def dequantized(codes: npt.NDArray[np.int64], said: Parameters, where: str) -> npt.NDArray[np.float32]:
    """Scale * (code - zero point).

    Args:
        codes: [...] of a constant.
        said: how they are scaled.
        where: what to call the node in a message.

    Raises:
        ModelError: the scales do not fit the constant.
    """
    scales, zero_points = _spread(said, codes.shape, where)
    with np.errstate(over="ignore"):
        values = np.asarray((codes - zero_points).astype(np.float32) * scales)
    if not np.isfinite(values).all():
        raise ModelError(f"{where} makes real numbers too large for float32", id="quantization-invalid")
    return values


def quantized(values: npt.NDArray[np.float32], said: Parameters, where: str) -> Codes:
    """Round to nearest even, saturated; see `dequantized`."""
    scales, zero_points = _spread(said, values.shape, where)
    with np.errstate(over="ignore"):
        codes = np.rint(values / scales).astype(np.float64) + zero_points
    return Codes(np.clip(codes, said.codes.lowest, said.codes.highest).astype(np.int64), said.codes)


def _spread(
    said: Parameters, shape: tuple[int, ...], where: str
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Scales and zero points in a shape that broadcasts over the tensor's."""
    if said.per_tensor:
        return said.scales, said.zero_points
    rank = len(shape)
    if not -rank <= said.axis < rank:
        raise ModelError(
            f"{where} has scales along axis {said.axis} of a tensor of shape {list(shape)}", id="quantization-invalid"
        )
    axis = said.axis % rank
    if said.block:
        return _blocks(said.scales, said, shape, where), _blocks(said.zero_points, said, shape, where)
    if said.scales.size != shape[axis]:
        raise ModelError(
            f"{where} has {said.scales.size} scales along axis {axis} of a tensor of shape {list(shape)}",
            id="quantization-invalid",
        )
    along = [-1 if each == axis else 1 for each in range(rank)]
    return said.scales.reshape(along), said.zero_points.reshape(along)


def _blocks[T: np.generic](
    numbers: npt.NDArray[T], said: Parameters, shape: tuple[int, ...], where: str
) -> npt.NDArray[T]:
    axis = said.axis % len(shape)
    wanted = [-(-extent // said.block) if each == axis else extent for each, extent in enumerate(shape)]
    if list(numbers.shape) != wanted:
        raise ModelError(
            f"{where} has scales of shape {list(numbers.shape)} for blocks of {said.block} along axis {axis} of a"
            f" tensor of shape {list(shape)}",
            id="quantization-invalid",
        )
    return np.repeat(numbers, min(said.block, shape[axis]), axis).take(range(shape[axis]), axis)
