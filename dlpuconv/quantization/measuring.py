"""What the activations of a network do on the calibration samples, from the cache where that is known."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv.network import Range
from dlpuconv.quantization.budget import affordable_samples
from dlpuconv.quantization.ranges.choice import observed_values
from dlpuconv.quantization.ranges.thresholds import holding_thresholds
from dlpuconv.quantization.refusals import refuse_undefined
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import MinMax, OfTheFirst, Statistics, observe
from dlpuconv.quantization.statistics.spreads import Spreads, spread_of
from dlpuconv.quantization.techniques.moments import moments_of_layers, with_moments
from dlpuconv.quantization.techniques.tuning import TuningMaterial

if TYPE_CHECKING:
    from dlpuconv.network import Network
    from dlpuconv.quantization.given import Given
    from dlpuconv.quantization.statistics.observe import Gauge

_MEASURES = "ranges-4"
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
    statistics = _statistics(measured, given)
    low_high = statistics.values[MinMax.name].tolist()
    observed = {name: Range(*values) for name, values in zip(statistics.tensors, low_high, strict=False)}
    refuse_undefined(measured, observed, given.names)
    rows = zip(statistics.tensors, statistics.values[Spreads.name], strict=False)
    return TuningMaterial(
        network=network,
        measured=measured,
        ranges=holding_thresholds(network, statistics.ranges(), given.endings),
        spreads={name: spread_of(row) for name, row in rows},
        details=Details.unpack(detailed_values(measured), statistics.values[Channels.name], given.evidence),
        given=given,
    )


def _true_to_training(network: Network, given: Given) -> Network:
    """The network whose activations are measured: itself, unless it tells more of them than the samples do."""
    known = moments_of_layers(network, given.moments)
    if not known:
        return network
    with given.progress.stage("recalling the batch normalizations"):
        adapted = with_moments(network, known, list(islice(given.feeds(), affordable_samples(network))))
    if adapted is None:
        given.progress.message(_CONTRADICTION)
    return adapted or network


def _statistics(network: Network, given: Given) -> Statistics:
    """From the cache where the same network has seen the same samples."""
    values, first = detailed_values(network), len(observed_values(network))
    names, counts = tuple(value.name for value in values), [value.channels for value in values]
    gauges: list[Gauge] = [OfTheFirst(first, MinMax()), OfTheFirst(first, Spreads(given.samples)), Channels(counts)]
    lengths = dict(zip((gauge.name for gauge in gauges), (first, first, sum(counts)), strict=True))
    key = f"{_MEASURES} {' '.join(lengths)} {json.dumps(names)} {network.key} {given.digest}"
    stored = given.cache.get(key)
    if stored is None or {name: len(array) for name, array in stored.items()} != lengths:
        with given.progress.stage("calibrating", given.samples) as step:
            statistics = observe(network, values, given.feeds(), gauges, step)
        stored = {**statistics.values, Channels.name: statistics.values[Channels.name].astype("float32")}
        given.cache.put(key, stored)
    found = {name: array.astype("float64") for name, array in stored.items()}
    return Statistics(tensors=names, values=found, samples=given.samples)
