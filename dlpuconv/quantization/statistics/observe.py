"""What a network's activations do on the calibration samples.

Every activation is folded into its gauges and forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.errors import BackendError, CalibrationError
from dlpuconv.network import Range
from dlpuconv.quantization.statistics.seen import Seen
from dlpuconv.quantization.statistics.softmax_rows import softmax_rows, told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Value


class Gauge(Protocol):
    """Folds the values of every observed tensor, sample by sample."""

    distinguished: bool
    """Whether it wants values only as far as readers tell them apart: for ranges, not for means."""

    def start(self, count: int) -> None:
        """Get ready for tensors 0 .. count - 1."""
        ...

    def update(self, index: int, seen: Seen) -> None:
        """Fold one sample's values of tensor `index`."""
        ...


class MinMax:
    """The lowest and the highest value: [count, 2]."""

    name = "minmax-1"
    """The name of the layout, by which caches tell it apart."""
    distinguished = True

    def start(self, count: int) -> None:
        """See `Gauge`."""
        self._found = np.tile([np.inf, -np.inf], (count, 1))

    def update(self, index: int, seen: Seen) -> None:
        """See `Gauge`."""
        low, high = self._found[index]
        # numpy's own minimum keeps NaN, which Python's min() would lose
        self._found[index] = np.minimum(low, seen.ends[0].min()), np.maximum(high, seen.ends[1].max())

    def result(self) -> npt.NDArray[np.float64]:
        """What was found."""
        return self._found


class OfTheFirst:
    """A gauge of the first tensors alone, where others look at more."""

    def __init__(self, count: int, gauge: Gauge) -> None:
        self.distinguished = gauge.distinguished
        self._count, self._gauge = count, gauge

    def start(self, count: int) -> None:
        """See `Gauge`."""
        self._gauge.start(min(self._count, count))

    def update(self, index: int, seen: Seen) -> None:
        """See `Gauge`."""
        if index < self._count:
            self._gauge.update(index, seen)


def finite_ranges(names: Iterable[str], found: npt.NDArray[np.float64]) -> dict[str, Range]:
    """What `MinMax` found, by tensor name.

    Raises:
        CalibrationError: a tensor was not finite on some sample.
    """
    ranges = {name: Range(*ends) for name, ends in zip(names, found.tolist(), strict=True)}
    for name, (low, high) in zip(ranges, found.tolist(), strict=True):
        if not np.isfinite([low, high]).all():
            raise CalibrationError(
                f"the float model's value {name!r} is not finite (from {low} to {high}) on a calibration sample; "
                "check the samples' value range and the model's weights",
                id="calibration-range-not-finite",
            )
    return ranges


def observe(
    network: Network,
    values: Sequence[Value],
    feeds: Iterable[Feed],
    gauges: Sequence[Gauge],
    done: Callable[[], None] = lambda: None,
) -> None:
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
    samples = 0
    for found in network.run(feeds, values):
        for index, (value, array) in enumerate(zip(values, found, strict=True)):
            _fold(gauges, index, Seen(array, value.channels), rows.get(value, 0))
        samples += 1
        done()
    if not samples:
        raise BackendError("there is no calibration sample to measure the activations on", id="backend-no-samples")


def _fold(gauges: Sequence[Gauge], index: int, seen: Seen, length: int) -> None:
    distinguished = replace(seen, values=told_apart(seen.values, length)) if length else seen
    for gauge in gauges:
        gauge.update(index, distinguished if gauge.distinguished else seen)
