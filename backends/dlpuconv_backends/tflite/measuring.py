"""What the activations of a prepared graph do on the calibration samples, from the cache where that is known."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING

from dlpuconv import __version__
from dlpuconv.calibration import Origin
from dlpuconv.calibration.cache import StatisticsCache
from dlpuconv_backends.flatbuffer import encoded
from dlpuconv_backends.tflite.budget import affordable_samples
from dlpuconv_backends.tflite.interface import feeds
from dlpuconv_backends.tflite.moments import moments_of_layers, with_moments
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.refusals import refuse_undefined
from dlpuconv_backends.tflite.spreads import Spreads, spread_of
from dlpuconv_backends.tflite.statistics import MinMax, Statistics, observe
from dlpuconv_backends.tflite.tuning import Material

if TYPE_CHECKING:
    from dlpuconv.plugin import Job
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.lowering import Lowered

_MEASURES = "ranges-3"
"""Part of the cache's key: raise it when the same graph and samples would be measured differently."""
_CONTRADICTION = "the statistics in the network's batch normalizations contradict its weights, and are not used"


def measured_graph(graph: Graph, job: Job, lowered: Lowered) -> Graph:
    """The graph whose activations are measured: itself, unless the network tells more of them than the samples do.

    Raises:
        BackendError: LiteRT cannot run the float graph.
    """
    known = moments_of_layers(graph, job.model, job.moments)
    if not known:
        return graph
    assert job.calibration is not None
    given = feeds(job.calibration.fit, job.bindings, graph.inputs, lowered.input_permutations)
    with job.progress.stage("recalling the batch normalizations"):
        adapted = with_moments(graph, known, list(islice(given, affordable_samples(graph))))
    if adapted is None:
        job.progress.message(_CONTRADICTION)
    return adapted or graph


def measure(graph: Graph, job: Job, lowered: Lowered) -> Statistics:
    """Statistics of the activations, from the cache where the same graph has seen the same samples.

    Raises:
        CalibrationError: an activation is not finite.
        UnsupportedModelError: a root of negative values.
        BackendError: LiteRT cannot run the float graph.
    """
    assert job.calibration is not None
    samples = job.calibration.fit
    tensors = observed_tensors(graph)
    cache = StatisticsCache(job.cache)
    key = (
        f"{_MEASURES} {MinMax.name} {Spreads.name} {json.dumps([t.name for t in tensors])} {_key(graph, job, lowered)}"
    )
    stored = cache.get(key)
    if stored is not None and {name: len(array) for name, array in stored.items()} == {
        MinMax.name: len(tensors),
        Spreads.name: len(tensors),
    }:
        statistics = Statistics(
            tensors=tuple(t.name for t in tensors),
            values={name: array.astype("float64") for name, array in stored.items()},
            samples=len(samples),
        )
    else:
        with job.progress.stage("calibrating", len(samples)) as step:
            given = feeds(samples, job.bindings, graph.inputs, lowered.input_permutations)
            statistics = observe(graph, tensors, given, [MinMax(), Spreads(len(samples))], step)
        cache.put(key, statistics.values)
    low_high = statistics.values[MinMax.name]
    observed = {t: Range(*values) for t, values in zip(tensors, low_high.tolist(), strict=True)}
    refuse_undefined(graph, observed, job.names)
    statistics.ranges()  # raises where something is not finite
    return statistics


def material_of(graph: Graph, measured: Graph, job: Job, lowered: Lowered, statistics: Statistics) -> Material:
    """What recipes start from."""
    calibration = job.calibration
    assert calibration is not None
    rows = zip(statistics.tensors, statistics.values[Spreads.name], strict=True)
    return Material(
        graph=graph,
        measured=measured,
        ranges=statistics.ranges(),
        spreads={name: spread_of(row) for name, row in rows},
        samples=len(calibration.fit),
        evidence=len(calibration.fit) if calibration.origin is Origin.GIVEN else 0,
        feeds=lambda: feeds(calibration.fit, job.bindings, graph.inputs, lowered.input_permutations),
        cache=StatisticsCache(job.cache),
        key=_key(measured, job, lowered),
        progress=job.progress,
        names=job.names,
    )


def _key(graph: Graph, job: Job, lowered: Lowered) -> str:
    """Of everything that measured numbers depend on, but what is measured."""
    assert job.calibration is not None
    made_by = f"dlpuconv {__version__} ai-edge-litert {version('ai-edge-litert')}"
    network = hashlib.sha256(encoded(graph)).hexdigest()
    ends = f"{sorted(job.bindings.items())}{sorted(lowered.input_permutations.items())}"
    return f"tflite {made_by} {network} {job.calibration.fit.digest} {ends}"
