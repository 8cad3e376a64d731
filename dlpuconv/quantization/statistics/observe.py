"""What a network's activations do on the calibration samples.

Every activation is folded into its gauges and forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.errors import BackendError, CalibrationError
from dlpuconv.network import Range
from dlpuconv.quantization.statistics.softmax_rows import softmax_rows, told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Value


class Gauge(Protocol):
    """Folds the values of every observed tensor, sample by sample.

    `name` and the layout of what `result` gives are part of the cache key: change the name with the layout.
    """

    name: str
    distinguished: bool
    """Whether it wants values only as far as readers tell them apart: for ranges, not for means."""

    def start(self, count: int) -> None:
        """Get ready for tensors 0 .. count - 1."""
        ...

    def update(self, index: int, values: npt.NDArray[np.float32]) -> None:
        """Fold one sample's values, any shape, of tensor `index`; the array is only lent."""
        ...

    def result(self) -> npt.NDArray[np.float64]:
        """[count, ...]: what was found out about each tensor."""
        ...


class MinMax:
    """The lowest and the highest value: [count, 2]."""

    name = "minmax-1"
    distinguished = True

    def start(self, count: int) -> None:
        """See `Gauge`."""
        self._found = np.tile([np.inf, -np.inf], (count, 1))

    def update(self, index: int, values: npt.NDArray[np.float32]) -> None:
        """See `Gauge`."""
        low, high = self._found[index]
        # numpy's own minimum keeps NaN, which Python's min() would lose
        self._found[index] = np.minimum(low, values.min()), np.maximum(high, values.max())

    def result(self) -> npt.NDArray[np.float64]:
        """See `Gauge`."""
        return self._found


class OfTheFirst:
    """A gauge of the first tensors alone, where others look at more."""

    def __init__(self, count: int, gauge: Gauge) -> None:
        self.name, self.distinguished = gauge.name, gauge.distinguished
        self._count, self._gauge = count, gauge

    def start(self, count: int) -> None:
        """See `Gauge`."""
        self._gauge.start(min(self._count, count))

    def update(self, index: int, values: npt.NDArray[np.float32]) -> None:
        """See `Gauge`."""
        if index < self._count:
            self._gauge.update(index, values)

    def result(self) -> npt.NDArray[np.float64]:
        """See `Gauge`."""
        return self._gauge.result()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What was observed.

    Attributes:
        tensors: names of the tensors that were observed, those whose ranges are known first.
        values: by the gauge's name: [len(tensors), ...] in the order of `tensors`, or of the first of them.
        samples: how many samples were seen.
    """

    tensors: tuple[str, ...]
    values: Mapping[str, npt.NDArray[np.float64]]
    samples: int

    def ranges(self) -> dict[str, Range]:
        """Lowest and highest value by tensor name.

        Raises:
            CalibrationError: a tensor was not finite on some sample.
        """
        found = self.values[MinMax.name]
        for name, (low, high) in zip(self.tensors, found.tolist(), strict=False):
            if not np.isfinite([low, high]).all():
                raise CalibrationError(
                    f"the float model's value {name!r} is not finite (from {low} to {high}) on a calibration sample; "
                    "check the samples' value range and the model's weights"
                )
        return {name: Range(low, high) for name, (low, high) in zip(self.tensors, found.tolist(), strict=False)}


def observe(
    network: Network,
    values: Sequence[Value],
    feeds: Iterable[Feed],
    gauges: Sequence[Gauge],
    done: Callable[[], None] = lambda: None,
) -> Statistics:
    """Run a float network on every feed and fold what its activations hold.

    Args:
        network: float.
        values: activations, inputs included, each once.
        feeds: read once.
        gauges: fresh ones.
        done: called after each sample.

    Raises:
        BackendError: the network cannot be run, at all or on a sample, or there is no feed.
    """
    for gauge in gauges:
        gauge.start(len(values))
    rows = softmax_rows(network)
    lengths = [rows.get(value, 0) for value in values]
    samples = 0
    for found in network.run(feeds, values):
        for index, array in enumerate(found):
            _fold(gauges, index, array, lengths[index])
        samples += 1
        done()
    if not samples:
        raise BackendError("there is no calibration sample to measure the activations on")
    return Statistics(
        tensors=tuple(value.name for value in values),
        values={g.name: g.result() for g in gauges},
        samples=samples,
    )


def _fold(gauges: Sequence[Gauge], index: int, values: npt.NDArray[np.float32], length: int) -> None:
    distinguished = told_apart(values, length) if length else values
    for gauge in gauges:
        gauge.update(index, distinguished if gauge.distinguished else values)
