"""What a recipe makes of the float graph before it is quantized: another graph, other ranges, corrections.

Graphs and statistics are kept for the recipes that follow: a search pays for each once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.source_names import UNKNOWN
from dlpuconv.quantization import BiasCorrection, Observer
from dlpuconv_backends.flatbuffer import encoded
from dlpuconv_backends.flatbuffer.network import Network
from dlpuconv_backends.tflite.absorb import absorb
from dlpuconv_backends.tflite.channel_statistics import Channels, Details, channels_of, detailed_tensors
from dlpuconv_backends.tflite.equalize import equalize
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.ranges import observed_ranges
from dlpuconv_backends.tflite.spreads import Spreads, spread_of
from dlpuconv_backends.tflite.statistics import observe
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import StatisticsCache
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir.source_names import SourceNames
    from dlpuconv.jsonable import Json
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.observers import Spread
    from dlpuconv_backends.flatbuffer import Graph, Tensor
    from dlpuconv_backends.tflite.numbers import Range
    from dlpuconv_backends.tflite.statistics import Feed

_SAME_FUNCTION_DB = 60.0
_COMPARED = 6
_MEASURES = "details-4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What is quantized.

    Attributes:
        graph: float.
        ranges: that the scales must hold, by tensor name.
        channels: [C, 4] lowest, highest, mean and mean square by tensor name; empty where the recipe needs none.
        moved: [C] by how much the mean of each channel differs in the quantized network, by tensor name; where known.
        facts: what was done, for the manifest.
        dropped: what could not be done.
        names: what the source model calls its nodes.
    """

    graph: Graph
    ranges: Mapping[str, Range]
    channels: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    moved: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    names: SourceNames = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What tuning starts from.

    Attributes:
        graph: float, as it was prepared.
        measured: what is measured: the graph, or one with the same activations in it whose values are truer.
        ranges: lowest and highest values by name.
        spreads: distributions by name.
        samples: how many samples there are.
        evidence: how many of them are real: made-up ones prove no channel dead.
        feeds: gives them, as often as it is called.
        cache: of statistics.
        key: of the graph and its samples, in the cache.
        progress: where passes over the samples report.
        names: what the source model calls its nodes.
    """

    graph: Graph
    measured: Graph
    ranges: Mapping[str, Range]
    spreads: Mapping[str, Spread]
    samples: int
    evidence: int
    feeds: Callable[[], Iterable[Feed]]
    cache: StatisticsCache
    key: str
    progress: Progress
    names: SourceNames = UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Network:
    """One way to write the network: the same function in other numbers.

    Attributes:
        graph: float.
        measured: what distributions are measured on: the graph, or `Material.measured` in the same other numbers.
        ranges: lowest and highest values by name.
        details: by channel; None until they are measured.
        facts: how it came about, for the manifest.
        dropped: rewrites that were left out.
    """

    graph: Graph
    measured: Graph
    ranges: Mapping[str, Range]
    details: Details | None = None
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    def rewritten(self, graph: Graph, measured: Graph, details: Details, changed: Iterable[str]) -> _Network:
        """With other graphs, in which the activations named in `changed` have other values."""
        moved = {name: details.range_of(name) for name in changed if name in details.channels}
        ranges = {name: moved.get(name, values) for name, values in self.ranges.items()}
        return replace(self, graph=graph, measured=measured, ranges=ranges, details=details)


class Tuner:
    """Applies recipes to one prepared graph."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._prepared = _Network(graph=material.graph, measured=material.measured, ranges=material.ranges)
        self._networks: dict[tuple[bool, bool], _Network] = {}
        self._spreads: dict[Graph, Mapping[str, Spread]] = {material.measured: material.spreads}

    def feeds(self) -> Iterable[Feed]:
        """The calibration samples as values of the graph's inputs."""
        return self._material.feeds()

    def apply(self, recipe: Recipe) -> Tuned:
        """Do what the recipe says before quantization.

        Raises:
            BackendError: LiteRT cannot run the float graph.
        """
        if recipe.equalize or recipe.absorb or recipe.bias_correction is not BiasCorrection.OFF:
            network = self._network(equalized=recipe.equalize, absorbing=recipe.absorb)
        else:
            network = self._prepared
        ranges = network.ranges
        if recipe.observer is not Observer.MINMAX:
            ranges = observed_ranges(network.graph, ranges, self._spread(network), recipe.observer)
        return Tuned(
            graph=network.graph,
            ranges=ranges,
            channels=network.details.channels if network.details else {},
            facts=network.facts,
            dropped=network.dropped,
            names=self._material.names,
        )

    def _network(self, *, equalized: bool, absorbing: bool) -> _Network:
        """The prepared network with its channels measured, or a rewritten one; each is made once."""
        key = (equalized, absorbing)
        if key not in self._networks:
            if absorbing:
                self._networks[key] = self._absorb(self._network(equalized=equalized, absorbing=False))
            elif equalized:
                self._networks[key] = self._equalize(self._network(equalized=False, absorbing=False))
            else:
                self._networks[key] = replace(self._prepared, details=self._measure(self._material.measured))
        return self._networks[key]

    def _equalize(self, network: _Network) -> _Network:
        assert network.details is not None
        made = equalize(network.graph, self._reached(network.details))
        facts: dict[str, Json] = {"scaled_channels": made.scaled, "silenced_channels": made.silenced}
        details = network.details.scaled(made.factors)
        measured = made.graph if network.measured is network.graph else made.likewise(network.measured)
        changed = network.rewritten(made.graph, measured, details, made.factors)
        return self._checked("equalization", network, changed, facts)

    def _absorb(self, network: _Network) -> _Network:
        assert network.details is not None
        made = absorb(network.graph, network.details)
        facts: dict[str, Json] = {"activations": len(made.shifts)}
        same = network.measured is network.graph
        measured = made.graph if same else absorb(network.measured, network.details).graph
        changed = network.rewritten(made.graph, measured, made.details, made.shifts)
        return self._checked("absorption", network, changed, facts)

    def _checked(self, title: str, before: _Network, after: _Network, facts: Mapping[str, Json]) -> _Network:
        """The rewritten network where it computes the same, else the one before with a note."""
        with self._material.progress.stage(f"checking the network after {title}"):
            agreement = _agreement(self._material.graph, after.graph, self._material.feeds())
        if not agreement >= _SAME_FUNCTION_DB:  # NaN is no agreement either
            told = f"{title} was left out: it changed the float network (to {agreement:.0f} dB)"
            return replace(before, dropped=(*before.dropped, told))
        told_facts: Json = {**facts, "float_agreement_db": round(agreement, 1)}
        return replace(after, facts={**after.facts, title: told_facts})

    def _reached(self, details: Details) -> Details:
        """With all that channels reach in the graph and where it is measured: no clip may begin to act in either."""
        if self._material.measured is self._material.graph:
            return details
        return details.widened(self._measure(self._material.graph))

    def _measure(self, graph: Graph) -> Details:
        """Channels of a graph as it was prepared."""
        tensors = detailed_tensors(graph)
        counts = [channels_of(t) for t in tensors]
        table = self._observe(graph, tensors, Channels(counts), sum(counts))
        return Details.unpack(tensors, table, self._material.evidence)

    def _spread(self, network: _Network) -> Mapping[str, Spread]:
        graph = network.measured
        if graph not in self._spreads:
            tensors = [t for t in observed_tensors(graph) if t.name in network.ranges]
            rows = self._observe(graph, tensors, Spreads(self._material.samples), len(tensors))
            self._spreads[graph] = {t.name: spread_of(row) for t, row in zip(tensors, rows, strict=True)}
        return self._spreads[graph]

    def _observe(
        self, graph: Graph, tensors: list[Tensor], observer: Channels | Spreads, rows: int
    ) -> npt.NDArray[np.float64]:
        """What an observer finds out on all samples, from the cache where it is there."""
        material = self._material
        which = "" if graph is material.measured else hashlib.sha256(encoded(graph)).hexdigest()
        key = f"{_MEASURES} {observer.name} {json.dumps([t.name for t in tensors])} {which} {material.key}"
        stored = (material.cache.get(key) or {}).get(observer.name)
        if stored is None or stored.ndim != 2 or len(stored) != rows:
            with material.progress.stage("measuring channels", material.samples) as step:
                values = observe(graph, tensors, material.feeds(), [observer], step).values
            stored = values[observer.name].astype(np.float32)
            material.cache.put(key, {observer.name: stored})
        return stored.astype(np.float64)  # through float32 in any case: a cached run must give the same bytes


def _agreement(one: Graph, other: Graph, feeds: Iterable[Feed]) -> float:
    """Smallest signal-to-noise ratio, in dB, of any output of two float graphs over a few samples."""
    few = [feed for _, feed in zip(range(_COMPARED), feeds, strict=False)]
    pairs = zip(list(_run(one, few)), list(_run(other, few)), strict=True)
    signal: dict[int, float] = {}
    noise: dict[int, float] = {}
    for first, second in pairs:
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            signal[index] = signal.get(index, 0.0) + float(np.square(a, dtype=np.float64).sum())
            noise[index] = noise.get(index, 0.0) + float(np.square(a.astype(np.float64) - b).sum())
    ratios = [10 * np.log10(signal[i] / noise[i]) if signal[i] else -np.inf for i in signal if noise[i]]
    return float(np.min(ratios, initial=200.0))  # NaN where any is


def _run(graph: Graph, feeds: Iterable[Feed]) -> Iterator[list[npt.NDArray[np.float32]]]:
    for _, outputs in Network.fast(graph, versions_of(graph)).each(feeds):
        yield [np.array(values) for values in outputs]
