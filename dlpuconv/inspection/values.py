"""What the tensors of a file can hold and do hold, in codes and in real units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.formats import TensorView
    from dlpuconv.ir import Affine

_FEW = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldValues:
    """Lowest and highest value of a tensor.

    Attributes:
        codes: as the file stores them; None for values that are not quantized, and for activations.
        real: in real units.
    """

    codes: tuple[int, int] | None
    real: tuple[float, float]


def extremes(tensor: TensorView) -> HeldValues | None:
    """Extreme values that a constant holds, or that a quantized activation can hold; None if neither is known."""
    if tensor.constant:
        return _held(tensor)
    quantization, limits = tensor.quantization, _limits(tensor.dtype)
    if quantization is None or limits is None:
        return None
    return HeldValues(codes=None, real=(quantization.real(limits[0]), quantization.real(limits[1])))


def few_values(tensor: TensorView) -> list[int | float | bool] | None:
    """The values of a small constant (axes, paddings, shapes), flat; None for large ones and for activations."""
    if tensor.data is None or not 0 < tensor.data.size <= _FEW or tensor.data.dtype.kind not in "iufb":
        return None
    values: list[int | float | bool] = tensor.data.ravel().tolist()
    return values


def _held(tensor: TensorView) -> HeldValues | None:
    data = tensor.data
    if data is None or not data.size or data.dtype.kind not in "iufb":
        return None
    low, high = data.min().item(), data.max().item()
    if tensor.quantization is None:
        return HeldValues(codes=None, real=(float(low), float(high)))
    real = _real(data, tensor.quantization)
    return HeldValues(codes=(int(low), int(high)), real=(float(real.min()), float(real.max())))


def _real(data: npt.NDArray[np.generic], quantization: Affine) -> npt.NDArray[np.float64]:
    """The lowest and highest real value of each channel, or of the whole; [2, C] or [2, 1]."""
    axis = quantization.axis
    if quantization.per_channel and 0 <= axis < data.ndim and data.shape[axis] == len(quantization.scales):
        rows, affine = np.moveaxis(data, axis, 0).reshape(data.shape[axis], -1), replace(quantization, axis=1)
    else:
        rows, affine = data.reshape(1, -1), quantization.first
    with np.errstate(all="ignore"):  # a damaged file may have any scale
        return affine.decode(np.stack([rows.min(axis=1), rows.max(axis=1)]))


def _limits(dtype: str) -> tuple[int, int] | None:
    return {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}.get(dtype)
