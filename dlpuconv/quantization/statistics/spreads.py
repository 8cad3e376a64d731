"""A gauge of distributions that costs next to nothing beside the inference: it looks at a part of the values.

Each sample's own lowest and highest value are always among them: outliers are what this is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.observers import Spread

if TYPE_CHECKING:
    import numpy.typing as npt

_BINS = 2048
ROW = 5 + _BINS
"""Numbers of one tensor."""
_VALUES_OF_A_TENSOR = 1 << 16
_VALUES_IN_ALL = 1 << 24
_FEWEST = 32
_QUIET = 0.25
"""Of the median mean square: a black image must not decide for all either."""


class Spreads:
    """Low, high, weight of exact zeros, usual low and high, and a weighted histogram: [count, ROW]; see `spread_of`.

    Args:
        samples: how many there will be; the values that are looked at are divided among them.
    """

    name = "spreads-4"
    distinguished = True

    def __init__(self, samples: int) -> None:
        self._samples = max(samples, 1)

    def start(self, count: int) -> None:
        """See `observe.Gauge`."""
        values = min(_VALUES_OF_A_TENSOR, _VALUES_IN_ALL // max(count, 1))
        self._limit = max(values // self._samples, _FEWEST)
        self._taken: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(count)]
        self._sizes = [1] * count

    def update(self, index: int, values: npt.NDArray[np.float32]) -> None:
        """See `observe.Gauge`."""
        flat = values.reshape(-1)
        # An odd step, begun elsewhere each time: one that divides the channel count would see only some channels.
        step = max(flat.size // self._limit, 1) | 1
        begin = (len(self._taken[index]) * 7919) % step % max(flat.size, 1)
        ends = np.array([flat.min(), flat.max()], np.float32)
        self._taken[index].append(np.concatenate([ends, flat[begin::step]]))
        self._sizes[index] = flat.size

    def result(self) -> npt.NDArray[np.float64]:
        """See `observe.Gauge`."""
        rows = [_row(taken, size) for taken, size in zip(self._taken, self._sizes, strict=True)]
        return np.stack(rows) if rows else np.zeros((0, ROW))


def _row(taken: list[npt.NDArray[np.float32]], size: int) -> npt.NDArray[np.float64]:
    """[ROW] of one tensor, which has `size` values in a sample."""
    if not taken:
        return np.zeros(ROW)
    values = np.concatenate(taken).astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all() or high <= low:
        return np.concatenate([[low, high], np.zeros(ROW - 2)])
    energies = np.array([float(np.square(part, dtype=np.float64).mean()) for part in taken])
    usual_energy = np.median(energies) or np.median(energies[energies > 0])  # most may be zeros throughout
    floored = np.maximum(energies, _QUIET * usual_energy) + np.finfo(np.float64).tiny
    each = np.concatenate([_weights(part, size) / e**2 for part, e in zip(taken, floored / floored.max(), strict=True)])
    counts, _ = np.histogram(values, _BINS, (low, high), weights=each)
    usual = np.mean([part[:2] for part in taken], axis=0, dtype=np.float64)
    return np.concatenate([[low, high, float(each[values == 0].sum())], usual, counts])


def _weights(part: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float64]:
    """The two ends stand for themselves, a taken value for those that were left out."""
    weights = np.full(part.size, size / max(part.size - 2, 1))
    weights[:2] = 1.0
    return weights


def spread_of(row: npt.NDArray[np.float64]) -> Spread:
    """What a row of `Spreads` holds."""
    low, high, zeros, usual_low, usual_high = row[:5].tolist()
    return Spread(low=low, high=high, zeros=zeros, usual_low=usual_low, usual_high=usual_high, weights=row[5:])
