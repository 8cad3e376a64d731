"""In-memory networks, measured and quantized."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.calibration.cache import StatisticsCache
from dlpuconv.display.progress import Silent
from dlpuconv.quantization import Recipe
from dlpuconv.quantization.given import Given
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import MinMax, finite_ranges, observe
from dlpuconv.scheme import Granularity, Numbers, Scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Feed, Network, Range, Value

PER_TENSOR = Recipe(granularity=Granularity.PER_TENSOR)
PER_CHANNEL = Recipe(granularity=Granularity.PER_CHANNEL)
SCHEME = Scheme(numbers=Numbers.INT8)


def samples(network: Network, count: int, seed: int = 0, low: float = 0.0, high: float = 1.0) -> list[Feed]:
    """Values of the inputs."""
    random = np.random.default_rng(seed)
    return [
        {v.name: random.uniform(low, high, v.shape).astype(np.float32) for v in network.inputs} for _ in range(count)
    ]


def outputs(network: Network, feed: Feed) -> list[npt.NDArray[Any]]:
    """What a network makes of a feed."""
    return [np.array(values) for values in next(network.run([feed], network.outputs))]


def measured(network: Network, feeds: Sequence[Feed]) -> Details:
    """Statistics by channel."""
    values = detailed_values(network)
    observer = Channels([value.channels for value in values])
    observe(network, values, feeds, [observer])
    return Details.unpack(values, observer.result(), len(feeds))


def measured_ranges(network: Network, values: Sequence[Value], feeds: Sequence[Feed]) -> dict[str, Range]:
    """Lowest and highest values by name."""
    ends = MinMax()
    observe(network, values, feeds, [ends])
    return finite_ranges([value.name for value in values], ends.result())


def given(feeds: Sequence[Feed], **more: Any) -> Given:
    """Samples as a backend would give them."""
    usual = Given(
        feeds=lambda: feeds,
        samples=len(feeds),
        evidence=len(feeds),
        digest="of these samples",
        cache=StatisticsCache(),
        progress=Silent(),
    )
    return replace(usual, **more)


def sqnr_db(expected: npt.NDArray[Any], found: npt.NDArray[Any]) -> float:
    """Signal-to-quantization-noise ratio."""
    signal = float((expected.astype(np.float64) ** 2).mean())
    noise = float(((expected.astype(np.float64) - found) ** 2).mean())
    return float(10 * np.log10(max(signal, 1e-30) / max(noise, 1e-30)))
