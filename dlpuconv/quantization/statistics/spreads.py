"""A gauge of distributions that costs next to nothing beside the inference: it keeps a part of the values.

Each sample's own lowest and highest value are always among them: outliers are what this is about. What is kept tells
the distributions after channels were multiplied by factors, too, so that equalization measures nothing once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization.observers import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Value
    from dlpuconv.quantization.statistics.seen import Ends, Seen

    type Reals = npt.NDArray[np.float64]

_BINS = 2048
_ROW = 5 + _BINS
"""Numbers of one tensor."""
_VALUES_OF_A_TENSOR = 1 << 16
_VALUES_IN_ALL = 1 << 24
_FEWEST = 32
_QUIET = 0.25
"""Of the median mean square: a black image must not decide for all either."""


@dataclass(slots=True)
class _Excerpt:
    """What is kept of a sample, or of some in a row.

    Attributes:
        ends: [C] lowest and highest value of each channel.
        size: how many values there were.
        taken: some of them.
        places: of those, in memory.
    """

    ends: Ends
    size: int
    taken: list[npt.NDArray[np.float32]]
    places: list[range]

    @classmethod
    def of(cls, seen: Seen, places: range) -> _Excerpt:
        """The excerpt of one sample."""
        flat = seen.values.reshape(-1)
        return cls(seen.ends, flat.size, [flat[places.start :: places.step].copy()], [places])

    def add(self, other: _Excerpt) -> None:
        """Add the excerpt of the next sample."""
        (low, high), (lower, higher) = self.ends, other.ends
        self.ends = np.minimum(low, lower), np.maximum(high, higher)
        self.size += other.size
        self.taken += other.taken
        self.places += other.places


class Excerpts:
    """Parts of the values of all samples, which tell how they are distributed.

    Args:
        values: the activations.
        samples: how many there will be; the values that are looked at are divided among them.
    """

    name = "spreads-5"
    """The name of the rows' layout, by which caches tell them apart."""
    distinguished = True

    def __init__(self, values: Sequence[Value], samples: int) -> None:
        self._names = tuple(value.name for value in values)
        self._samples = max(samples, 1)
        ends = 2 * sum(value.channels for value in values)
        self._together = -(-self._samples * ends // _VALUES_IN_ALL)

    def start(self, count: int) -> None:
        """See `observe.Gauge`."""
        values = min(_VALUES_OF_A_TENSOR, _VALUES_IN_ALL // max(count, 1))
        self._limit = max(values // self._samples, _FEWEST)
        self._parts: list[list[_Excerpt]] = [[] for _ in range(count)]
        self._seen = [0] * count

    def update(self, index: int, seen: Seen) -> None:
        """See `observe.Gauge`."""
        size, nth = seen.values.size, self._seen[index]
        # An odd step, begun elsewhere each time: one that divides the channel count would see only some channels.
        step = max(size // self._limit, 1) | 1
        part = _Excerpt.of(seen, range(nth * 7919 % step % max(size, 1), size, step))
        if nth % self._together:
            self._parts[index][-1].add(part)
        else:
            self._parts[index].append(part)
        self._seen[index] += 1

    def rows(self, names: Sequence[str], factors: Mapping[str, Reals]) -> Reals:
        """Low, high, weight of zeros, usual low and high, and a weighted histogram: [names, 5 + bins]; see `spread_of`.

        Args:
            names: of which activations.
            factors: [C] positive, by which channels are multiplied, by name; 1 for those without.
        """
        parts = dict(zip(self._names, self._parts, strict=True))
        rows = [_row(parts[name], factors.get(name)) for name in names]
        return np.stack(rows) if rows else np.zeros((0, _ROW))


def _row(parts: Sequence[_Excerpt], factors: Reals | None) -> Reals:
    """[5 + bins] of one tensor."""
    if not parts:
        return np.zeros(_ROW)
    scale = np.ones(1) if factors is None else factors
    lows, highs = (np.stack([part.ends[which] for part in parts]) * scale for which in (0, 1))
    ends = np.stack([lows.min(axis=1), highs.max(axis=1)])
    taken, counts = _taken(parts, factors)
    low, high = float(ends[0].min()), float(ends[1].max())
    if not np.isfinite([low, high]).all() or high <= low:
        return np.concatenate([[low, high], np.zeros(_ROW - 2)])
    squares = np.add.reduceat(np.square(taken), np.cumsum(counts) - counts) + np.square(ends).sum(axis=0)
    loudness = _loudness(squares / (counts + len(ends)))
    # The two ends stand for themselves, a value that was taken for those that were left out.
    sizes = np.array([part.size for part in parts])
    weights = np.concatenate([1 / loudness**2, 1 / loudness**2, np.repeat(sizes / counts / loudness**2, counts)])
    values = np.concatenate([*ends, taken])
    found, _ = np.histogram(values, _BINS, (low, high), weights=weights)
    return np.concatenate([[low, high, float(weights[values == 0].sum())], ends.mean(axis=1), found])


def _taken(parts: Sequence[_Excerpt], factors: Reals | None) -> tuple[Reals, npt.NDArray[np.intp]]:
    """The values that were taken, one part after the other, with channels multiplied by factors; and [P] how many."""
    taken = np.concatenate([values for part in parts for values in part.taken]).astype(np.float64)
    if factors is not None:
        places = np.concatenate([np.asarray(places) for part in parts for places in part.places])
        taken *= factors[places % factors.size]
    return taken, np.array([sum(values.size for values in part.taken) for part in parts])


def _loudness(energies: Reals) -> Reals:
    """[P] mean squares of parts, the loudest of which has 1: none far below what is usual."""
    usual = np.median(energies) or np.median(energies[energies > 0])  # most may be zeros throughout
    floored = np.maximum(energies, _QUIET * usual) + np.finfo(np.float64).tiny
    return np.asarray(floored / floored.max())


def spread_of(row: Reals) -> Spread:
    """What a row of `Excerpts` holds."""
    low, high, zeros, usual_low, usual_high = row[:5].tolist()
    return Spread(low=low, high=high, zeros=zeros, usual_low=usual_low, usual_high=usual_high, weights=row[5:])
