"""The tflite backend: ONNX model -> float TFLite graph -> statistics -> one integer file for each target."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv import __version__
from dlpuconv.analysis import Blame
from dlpuconv.calibration import Origin
from dlpuconv.calibration.cache import StatisticsCache
from dlpuconv.errors import BackendError, CalibrationError, UsageError
from dlpuconv.formats.tflite_runtimes import min_runtime_version
from dlpuconv.plugin import Artifact, Backend, OutputSplitting, Prepared
from dlpuconv.quantization import BiasCorrection, Rounding
from dlpuconv.scheme import Numbers
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.lowering import Lowered, LoweringWorker, lower
from dlpuconv_backends.tflite.blame import blame
from dlpuconv_backends.tflite.budget import affordable_samples, affordable_to_blame
from dlpuconv_backends.tflite.draft import draft
from dlpuconv_backends.tflite.emit import Interface
from dlpuconv_backends.tflite.empirical_bias import quantize_empirically
from dlpuconv_backends.tflite.interface import clipped_inputs, feeds, output_port, port, prescribed_inputs
from dlpuconv_backends.tflite.learned_rounding import Rounder, left_nearest
from dlpuconv_backends.tflite.legalize import legalize
from dlpuconv_backends.tflite.mixed_outputs import mixed_outputs, tell_mixed
from dlpuconv_backends.tflite.moments import moments_of_layers, with_moments
from dlpuconv_backends.tflite.naming import name_uniquely
from dlpuconv_backends.tflite.numbers import Range
from dlpuconv_backends.tflite.plan import observed_tensors
from dlpuconv_backends.tflite.quantizer import Quantized, quantize
from dlpuconv_backends.tflite.refusals import refuse_undefined, refuse_unsupported
from dlpuconv_backends.tflite.report import facts, warnings
from dlpuconv_backends.tflite.runtime import METADATA_NAME, metadata
from dlpuconv_backends.tflite.split_outputs import Piece, split_outputs
from dlpuconv_backends.tflite.spreads import Spreads, spread_of
from dlpuconv_backends.tflite.statistics import MinMax, Statistics, observe
from dlpuconv_backends.tflite.tuning import Material, Tuner
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.calibration import Samples
    from dlpuconv.plugin import Draft, Job, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.tflite.tuning import Tuned

_MEASURES = "ranges-2"
"""Part of the cache's key: raise it when the same graph and samples would be measured differently."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TFLitePrepared(Prepared):
    """What all targets share. Nobody edits it: `emit` builds graphs of its own.

    Attributes:
        job: as it was given.
        graph: float, legal: every operator has an int8 form; tensor names are unique.
        outputs: what each output of the graph is of the source model's.
        warnings: what the user should know of it.
        input_permutations: by input name.
        output_permutations: by output name.
        statistics: of `observed_tensors(graph)`.
        rewrites: what legalization did: ONNX nodes by rewrite.
        tuner: applies recipes to the graph, and remembers what it measured.
        rounder: rounds weights where a recipe wants that learned.
    """

    job: Job
    graph: Graph
    outputs: tuple[Piece, ...]
    warnings: tuple[str, ...]
    input_permutations: Mapping[str, tuple[int, ...]]
    output_permutations: Mapping[str, tuple[int, ...]]
    statistics: Statistics
    rewrites: Mapping[str, list[str]]
    tuner: Tuner
    rounder: Rounder

    @property
    def ranges(self) -> dict[str, Range]:
        """Observed lowest and highest value by tensor name."""
        return self.statistics.ranges()


class TFLiteBackend(Backend):
    """Full-integer TFLite files, quantized by dlpuconv itself."""

    name: ClassVar[str] = "tflite"
    numbers: ClassVar[Numbers] = Numbers.INT8
    follows_recipes: ClassVar[bool] = True
    tells_blame: ClassVar[bool] = True

    def __init__(self) -> None:
        self._worker: LoweringWorker | None = None

    @override
    def warm_up(self) -> None:
        """Start the lowering worker."""
        if self._worker is None:
            self._worker = LoweringWorker.start()

    @override
    def close(self) -> None:
        """End the lowering worker."""
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    @override
    def prepare(self, job: Job) -> TFLitePrepared:
        """Lower, legalize, and measure the activations on the calibration samples.

        Raises:
            CalibrationError: there are no samples, or they do not fit.
            UnsupportedModelError: lists every operator without an integer form.
            BackendError: a tool failed.
            MissingDependencyError: onnx2tf is not installed.
        """
        if job.calibration is None:
            raise CalibrationError("an integer model needs calibration samples; give --calibration")
        lowered, rewrites = self._legal(job)
        graph = lowered.graph
        measured = _measured_graph(graph, job, lowered)
        statistics = _measure(measured, job, lowered)
        mixed = mixed_outputs(graph, statistics.ranges())
        may_split = job.interface.split_outputs is OutputSplitting.AUTO
        told = tell_mixed(graph, mixed, split=may_split)
        pieces = split_outputs(graph, mixed if may_split else [])
        if may_split and mixed:
            name_uniquely(graph)
            measured = _measured_graph(graph, job, lowered)
            statistics = _measure(measured, job, lowered)  # of what is new too
        tuner = Tuner(_material(graph, measured, job, lowered, statistics))
        return TFLitePrepared(
            job=job,
            graph=graph,
            outputs=pieces,
            warnings=tuple(told),
            input_permutations=lowered.input_permutations,
            output_permutations=lowered.output_permutations,
            statistics=statistics,
            rewrites=rewrites,
            tuner=tuner,
            rounder=Rounder(tuner.feeds, job.progress),
        )

    @override
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """Quantize under the recipe and encode.

        Raises:
            UsageError: the target takes float numbers, or an override names no layer.
        """
        made = self._prepared(prepared)
        if target.scheme.numbers is not self.numbers:
            raise UsageError(f"{target.name} takes {target.scheme.numbers} files; the tflite backend makes int8 ones")
        job = made.job
        tuned, quantized = _quantize(made, recipe)
        content, runtime = _encode(quantized)
        signature = job.model.signature
        return Artifact(
            files={"": content},
            inputs=tuple(
                port(spec, tensor, made.input_permutations[spec.name])
                for spec, tensor in zip(signature.inputs, quantized.graph.inputs, strict=True)
            ),
            outputs=tuple(
                output_port(signature.outputs, piece, tensor, made.output_permutations)
                for piece, tensor in zip(made.outputs, quantized.graph.outputs, strict=True)
            ),
            bindings=job.bindings,
            warnings=(
                *made.warnings,
                *clipped_inputs(prescribed_inputs(job.bindings), made.ranges),
                *warnings(quantized, tuned.graph),
            ),
            facts={
                **facts(quantized),
                **tuned.facts,
                "ops": dict(Counter(op.kind for op in quantized.graph.operators).most_common()),
                "min_runtime_version": runtime,
                "rewrites": {title: list(names) for title, names in made.rewrites.items()},
            },
            dropped=tuned.dropped,
        )

    @override
    def blame(self, prepared: Prepared, recipe: Recipe, samples: Samples) -> Blame:
        """Measure every operator on the plain integer kernels."""
        made = self._prepared(prepared)
        job = made.job
        tuned, quantized = _quantize(made, recipe)
        few = list(islice(samples, affordable_to_blame(tuned.graph)))
        given = feeds(few, job.bindings, made.graph.inputs, made.input_permutations)
        with job.progress.stage("looking at each layer", len(few) * len(quantized.graph.operators)) as step:
            layers, total_db = blame(tuned, quantized, given, step)
        return Blame(layers=tuple(layers), total_db=total_db, samples=len(few))

    @override
    def draft(self, job: Job, targets: Sequence[Target]) -> tuple[Draft, ...]:
        """Lower and legalize once, and quantize with placeholders for each target."""
        graph = self._legal(job)[0].graph
        return tuple(draft(graph, job, target) for target in targets)

    @staticmethod
    def _prepared(prepared: Prepared) -> TFLitePrepared:
        if not isinstance(prepared, TFLitePrepared):
            raise TypeError(f"the tflite backend knows nothing of a {type(prepared).__name__}")
        return prepared

    def _legal(self, job: Job) -> tuple[Lowered, dict[str, list[str]]]:
        """The lowered model, every operator with an int8 form and every name unique, and what was rewritten for that.

        Raises:
            UnsupportedModelError: lists every operator without an integer form.
            BackendError: a tool failed.
        """
        lowered = self._lower(job)
        rewrites = legalize(lowered.graph)
        refuse_unsupported(lowered.graph)
        name_uniquely(lowered.graph)
        return lowered, rewrites

    def _lower(self, job: Job) -> Lowered:
        self.warm_up()
        if self._worker is None:
            raise BackendError("the lowering worker did not start")
        wanted = job.interface.input_layout
        layouts = dict.fromkeys(job.bindings, wanted) if wanted is not None else {}
        with job.progress.stage("lowering"):
            return lower(job.model, layouts=layouts, worker=self._worker, workspace=job.workspace)


def _quantize(prepared: TFLitePrepared, recipe: Recipe) -> tuple[Tuned, Quantized]:
    """What the recipe makes of the float graph, and its integers."""
    job = prepared.job
    prescribed = prescribed_inputs(job.bindings)
    interface = Interface(input_dtype=job.interface.input_dtype, output_dtype=job.interface.output_dtype)
    tuned = prepared.tuner.apply(recipe)
    if recipe.rounding is Rounding.LEARNED:
        rounded = prepared.rounder.quantize(tuned, recipe, interface, prescribed)
        return replace(tuned, dropped=(*tuned.dropped, *left_nearest(tuned.graph))), rounded
    if recipe.bias_correction is BiasCorrection.EMPIRICAL:
        return tuned, quantize_empirically(tuned, recipe, interface, prescribed, prepared.tuner.feeds())
    return tuned, quantize(tuned, recipe, interface, prescribed)


def _measured_graph(graph: Graph, job: Job, lowered: Lowered) -> Graph:
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


_CONTRADICTION = "the statistics in the network's batch normalizations contradict its weights, and are not used"


def _measure(graph: Graph, job: Job, lowered: Lowered) -> Statistics:
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
    refuse_undefined(graph, observed)
    statistics.ranges()  # raises where something is not finite
    return statistics


def _material(graph: Graph, measured: Graph, job: Job, lowered: Lowered, statistics: Statistics) -> Material:
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
    )


def _key(graph: Graph, job: Job, lowered: Lowered) -> str:
    """Of everything that measured numbers depend on, but what is measured."""
    assert job.calibration is not None
    made_by = f"dlpuconv {__version__} ai-edge-litert {version('ai-edge-litert')}"
    network = hashlib.sha256(encode(graph)).hexdigest()
    ends = f"{sorted(job.bindings.items())}{sorted(lowered.input_permutations.items())}"
    return f"tflite {made_by} {network} {job.calibration.fit.digest} {ends}"


def _encode(quantized: Quantized) -> tuple[bytes, str]:
    versions = versions_of(quantized.graph)
    runtime = min_runtime_version((op.kind, version) for op, version in versions.items())
    quantized.graph.metadata[METADATA_NAME] = metadata(runtime)
    return encode(quantized.graph, versions), runtime
