"""What the tensors of a file can hold and do hold, in codes and in real units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.formats import Quantization, TensorView

_FEW = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Extremes:
    """Lowest and highest value of a tensor.

    Attributes:
        codes: as the file stores them; None for values that are not quantized, and for activations.
        real: in real units.
    """

    codes: tuple[int, int] | None
    real: tuple[float, float]


def extremes(tensor: TensorView) -> Extremes | None:
    """Of a constant, what it holds; of a quantized activation, what it can hold; None where neither is known."""
    if tensor.constant:
        return _held(tensor)
    quantization, limits = tensor.quantization, _limits(tensor.dtype)
    if quantization is None or limits is None:
        return None
    low, high = ((code - quantization.zero_point[0]) * quantization.scale[0] for code in limits)
    return Extremes(codes=None, real=(low, high))


def few_values(tensor: TensorView) -> list[int | float | bool] | None:
    """The values of a small constant (axes, paddings, shapes), flat; None for large ones and for activations."""
    if tensor.data is None or not 0 < tensor.data.size <= _FEW or tensor.data.dtype.kind not in "iufb":
        return None
    values: list[int | float | bool] = tensor.data.ravel().tolist()
    return values


def _held(tensor: TensorView) -> Extremes | None:
    data = tensor.data
    if data is None or not data.size or data.dtype.kind not in "iufb":
        return None
    low, high = data.min().item(), data.max().item()
    if tensor.quantization is None:
        return Extremes(codes=None, real=(float(low), float(high)))
    real = _real(data, tensor.quantization)
    return Extremes(codes=(int(low), int(high)), real=(float(real.min()), float(real.max())))


def _real(data: npt.NDArray[np.generic], quantization: Quantization) -> npt.NDArray[np.float64]:
    """The lowest and highest real value of each channel, or of the whole; [2, C] or [2, 1]."""
    axis = quantization.axis
    scale = np.asarray(quantization.scale, np.float64)
    zero_point = np.asarray(quantization.zero_point, np.float64)
    if quantization.per_channel and 0 <= axis < data.ndim and data.shape[axis] == scale.size:
        rows = np.moveaxis(data, axis, 0).reshape(scale.size, -1)
    else:
        rows, scale, zero_point = data.reshape(1, -1), scale[:1], zero_point[:1]
    ends = np.stack([rows.min(axis=1), rows.max(axis=1)]).astype(np.float64)
    with np.errstate(all="ignore"):  # a damaged file may have any scale
        return np.asarray((ends - zero_point) * scale)


def _limits(dtype: str) -> tuple[int, int] | None:
    return {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}.get(dtype)
