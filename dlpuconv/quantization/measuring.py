"""What the activations of a network do on the calibration samples, from the cache where that is known."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.quantization.budget import affordable_samples
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.ranges.thresholds import holding_thresholds
from dlpuconv.quantization.refusals import refuse_undefined
from dlpuconv.quantization.stated.activations import stated_ranges
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import MinMax, OfTheFirst, finite_ranges, observe
from dlpuconv.quantization.statistics.spreads import Excerpts
from dlpuconv.quantization.techniques.moments import moments_of_layers, with_moments
from dlpuconv.quantization.techniques.tuning import TuningMaterial

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.network import Network
    from dlpuconv.quantization.given import Given
    from dlpuconv.quantization.statistics.observe import Gauge

    type Reals = npt.NDArray[np.float64]

_MEASURES = "ranges-5"
"""Part of the cache's key: raise it when the same network and samples would be measured differently."""
_CONTRADICTION = "the statistics in the network's batch normalizations contradict its weights, and are not used"


def measure(network: Network, given: Given) -> TuningMaterial:
    """Measure the activations that need a scale.

    Raises:
        CalibrationError: an activation is not finite, or a sample does not fit.
        UnsupportedModelError: a root of negative values.
        BackendError: the network cannot be run.
    """
    measured = _true_to_training(network, given)
    ends, channels, excerpts = _statistics(measured, given)
    ranges = finite_ranges([value.name for value in observed_values(measured)], ends)
    refuse_undefined(measured, ranges, given.names)
    seen = Details.unpack(detailed_values(measured), channels, given.evidence)
    known = stated_ranges(measured, given.scales) if not given.evidence else {}
    return TuningMaterial(
        network=network,
        measured=measured,
        ranges=holding_thresholds(network, ranges, given.endings),
        excerpts=excerpts,
        details=seen.reaching(known),
        seen=seen,
        given=given,
    )


def _true_to_training(network: Network, given: Given) -> Network:
    """The network whose activations are measured: itself, unless it tells more of them than the samples do."""
    known = moments_of_layers(network, given.moments)
    if not known:
        return network
    with given.progress.stage("reading statistics of the batch normalizations"):
        adapted = with_moments(network, known, list(islice(given.feeds(), affordable_samples(network))))
    if adapted is None:
        given.progress.message(_CONTRADICTION)
    return adapted or network


def _statistics(network: Network, given: Given) -> tuple[Reals, Reals, Excerpts | None]:
    """What `MinMax`, `Channels` and `Excerpts` give, the last only where the cache does not know the others."""
    values, first = detailed_values(network), observed_values(network)
    ends, channels = MinMax(), Channels([value.channels for value in values])
    lengths = {ends.name: len(first), channels.name: sum(value.channels for value in values)}
    names = json.dumps([value.name for value in values])
    key = f"{_MEASURES} {' '.join(lengths)} {names} {network.key} {given.digest}"
    seen: list[Excerpts] = []

    def look() -> Mapping[str, npt.NDArray[np.generic]]:
        seen.append(Excerpts(first, given.samples))
        gauges: list[Gauge] = [OfTheFirst(len(first), ends), OfTheFirst(len(first), seen[0]), channels]
        with given.progress.stage("calibrating", given.samples) as step:
            observe(network, values, given.feeds(), gauges, step)
        return {ends.name: ends.result(), channels.name: channels.result().astype("float32")}

    stored = given.cache.once(key, look, lambda kept: {name: len(array) for name, array in kept.items()} == lengths)
    found = {name: array.astype("float64") for name, array in stored.items()}
    return found[ends.name], found[channels.name], seen[0] if seen else None
