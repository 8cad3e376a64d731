"""What a recipe makes of the float graph before it is quantized: another graph, other ranges, corrections.

Graphs and statistics are kept for the recipes that follow: a search pays for each once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.quantization import BiasCorrection, Observer
from dlpuconv.quantization.outliers import Spread, without_outliers
from dlpuconv.quantization.ranges import mse_range, percentile_range
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.tflite.channel_statistics import Channels, Details, Histograms, channels_of, detailed_tensors
from dlpuconv_backends.tflite.equalize import Equalized, equalize
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.statistics import interpreter_of, observe
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import StatisticsCache
    from dlpuconv.plugin import Json
    from dlpuconv.progress import Progress
    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.tflite.statistics import Feed

_SAME_FUNCTION_DB = 60.0
_COMPARED = 6
_MEASURES = "details-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What is quantized.

    Attributes:
        graph: float.
        ranges: that the scales must hold, by tensor name.
        channels: [C, 4] lowest, highest, mean and mean square by tensor name; empty where the recipe needs none.
        facts: what was done, for the manifest.
        dropped: what could not be done.
    """

    graph: Graph
    ranges: Mapping[str, Range]
    channels: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    facts: Mapping[str, Json] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What tuning starts from.

    Attributes:
        graph: float, as it was prepared.
        ranges: lowest and highest values by name.
        robust: those without outliers.
        samples: how many samples there are.
        feeds: gives them, as often as it is called.
        cache: of statistics.
        key: of the graph and its samples, in the cache.
        progress: where passes over the samples report.
    """

    graph: Graph
    ranges: Mapping[str, Range]
    robust: Mapping[str, Range]
    samples: int
    feeds: Callable[[], Iterable[Feed]]
    cache: StatisticsCache
    key: str
    progress: Progress


class Tuner:
    """Applies recipes to one prepared graph."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._details: Details | None = None
        self._equalized: tuple[Equalized, Details] | None = None
        self._histograms: Mapping[str, npt.NDArray[np.float64]] | None = None
        self._deviation: float | None = None

    def apply(self, recipe: Recipe) -> Tuned:
        """Do what the recipe says before quantization.

        Raises:
            BackendError: LiteRT cannot run the float graph.
        """
        plain = Tuned(graph=self._material.graph, ranges=self._material.ranges)
        corrected = recipe.bias_correction is not BiasCorrection.OFF
        if recipe.observer is Observer.ROBUST and not recipe.equalize:
            tuned = replace(plain, ranges=self._material.robust)
            return replace(tuned, channels=self._measured().channels) if corrected else tuned
        if not (recipe.equalize or corrected or recipe.observer is not Observer.MINMAX):
            return plain
        tuned = replace(plain, channels=self._measured().channels)
        if recipe.equalize:
            tuned = self._equalize(tuned)
        if recipe.observer is not Observer.MINMAX:
            equalized = tuned.graph is not plain.graph
            tuned = replace(tuned, ranges=_solve(recipe.observer, tuned, self._spread(equalized=equalized)))
        return tuned

    def _equalize(self, tuned: Tuned) -> Tuned:
        if self._equalized is None:
            made = equalize(tuned.graph, self._measured())
            self._equalized = made, self._measured().scaled(made.factors)
            with self._material.progress.stage("checking the equalized network"):
                self._deviation = _agreement(tuned.graph, made.graph, self._material.feeds())
        made, details = self._equalized
        assert self._deviation is not None
        if not self._deviation >= _SAME_FUNCTION_DB:  # NaN is no agreement either
            told = f"equalization was left out: it changed the float network (to {self._deviation:.0f} dB)"
            return replace(tuned, dropped=(*tuned.dropped, told))
        ranges = {name: self._scaled_range(name, old, details, made) for name, old in tuned.ranges.items()}
        told_facts: dict[str, Json] = {
            "scaled_channels": made.scaled,
            "silenced_channels": made.silenced,
            "float_agreement_db": round(self._deviation, 1),
        }
        return replace(
            tuned, graph=made.graph, ranges=ranges, channels=details.channels, facts={"equalization": told_facts}
        )

    @staticmethod
    def _scaled_range(name: str, old: Range, details: Details, made: Equalized) -> Range:
        return details.range_of(name) if name in made.factors and name in details.channels else old

    def _measured(self) -> Details:
        """Of the graph as it was prepared."""
        if self._details is None:
            self._details = self._observe(self._material.graph, self._material.ranges, "")
            self._histograms = self._details.histograms
        return self._details

    def _spread(self, *, equalized: bool) -> Mapping[str, npt.NDArray[np.float64]]:
        """Histograms by name, of the prepared graph or of the equalized one."""
        if not equalized or self._equalized is None:
            return self._measured().histograms
        made, details = self._equalized
        if not details.histograms:
            ranges = {name: details.range_of(name) for name in details.channels}
            seen = self._observe(made.graph, ranges, hashlib.sha256(encode(made.graph)).hexdigest())
            details = replace(details, histograms=seen.histograms)
            self._equalized = made, details
        return details.histograms

    def _observe(self, graph: Graph, ranges: Mapping[str, Range], which: str) -> Details:
        material = self._material
        tensors = detailed_tensors(graph)
        names = json.dumps([t.name for t in tensors])
        key = f"{_MEASURES} {Channels.name} {Histograms.name} {names} {which} {material.key}"
        stored = material.cache.get(key)
        counts = [channels_of(t) for t in tensors]
        rows = {Channels.name: sum(counts), Histograms.name: len(counts)}
        if stored is None or {name: len(array) for name, array in stored.items() if array.ndim == 2} != rows:
            known = [ranges.get(t.name, Range(0.0, 0.0)) for t in tensors]
            with material.progress.stage("measuring channels", material.samples) as step:
                observers = (Channels(counts), Histograms(known, counts))
                values = observe(graph, tensors, material.feeds(), observers, step).values
            stored = {name: array.astype(np.float32) for name, array in values.items()}
            material.cache.put(key, stored)
        # through float32 in any case: a cached run must give the same bytes
        return Details.unpack(tensors, {n: a.astype(np.float64) for n, a in stored.items()}, material.samples)


def _solve(observer: Observer, tuned: Tuned, histograms: Mapping[str, npt.NDArray[np.float64]]) -> dict[str, Range]:
    solver = {Observer.MSE: mse_range, Observer.PERCENTILE: percentile_range}.get(observer, _robust)
    found = {}
    for name, values in tuned.ranges.items():
        counts = histograms.get(name)
        found[name] = values if counts is None else Range(*solver(counts, values.low, values.high))
    return found


def _robust(counts: npt.NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    return without_outliers(Spread(low=low, high=high, weights=counts), low, high)


def _agreement(one: Graph, other: Graph, feeds: Iterable[Feed]) -> float:
    """Smallest signal-to-noise ratio, in dB, of any output of two float graphs over a few samples."""
    few = [feed for _, feed in zip(range(_COMPARED), feeds, strict=False)]
    pairs = zip(_run(one, few), _run(other, few), strict=True)
    signal: dict[int, float] = {}
    noise: dict[int, float] = {}
    for first, second in pairs:
        for index, (a, b) in enumerate(zip(first, second, strict=True)):
            signal[index] = signal.get(index, 0.0) + float(np.square(a, dtype=np.float64).sum())
            noise[index] = noise.get(index, 0.0) + float(np.square(a.astype(np.float64) - b).sum())
    ratios = [10 * np.log10(signal[i] / noise[i]) if signal[i] else -np.inf for i in signal if noise[i]]
    return float(np.min(ratios, initial=200.0))  # NaN where any is


def _run(graph: Graph, feeds: Iterable[Feed]) -> Iterator[list[npt.NDArray[np.float32]]]:
    interpreter = interpreter_of(encode(graph, versions_of(graph)))
    slots = {t.name: d["index"] for t, d in zip(graph.inputs, interpreter.get_input_details(), strict=True)}
    for feed in feeds:
        for name, values in feed.items():
            interpreter.set_tensor(slots[name], values)
        interpreter.invoke()
        yield [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
