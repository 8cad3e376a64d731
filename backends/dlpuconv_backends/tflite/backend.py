"""The tflite backend: ONNX model -> float TFLite graph -> statistics -> one integer file for each target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.analysis import Blame
from dlpuconv.errors import CalibrationError, UsageError
from dlpuconv.formats.litert_session import LITERT
from dlpuconv.formats.tflite_runtimes import min_runtime_version
from dlpuconv.isolation import pool
from dlpuconv.plugin import Artifact, Backend, OutputSplitting, Prepared
from dlpuconv.quantization import BiasCorrection, Rounding
from dlpuconv.scheme import Numbers
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.lowering import Lowered, lower, warm_up
from dlpuconv_backends.tflite.blame import blame
from dlpuconv_backends.tflite.budget import affordable_to_blame
from dlpuconv_backends.tflite.draft import draft
from dlpuconv_backends.tflite.emit import Interface
from dlpuconv_backends.tflite.empirical_bias import quantize_empirically
from dlpuconv_backends.tflite.interface import clipped_inputs, feeds, output_port, port, prescribed_inputs
from dlpuconv_backends.tflite.learned_rounding import Rounder, left_nearest
from dlpuconv_backends.tflite.legalize import legalize
from dlpuconv_backends.tflite.measuring import material_of, measure, measured_graph
from dlpuconv_backends.tflite.mixed_outputs import mixed_outputs, tell_mixed
from dlpuconv_backends.tflite.naming import name_uniquely, names_of
from dlpuconv_backends.tflite.quantizer import Quantized, quantize
from dlpuconv_backends.tflite.refusals import refuse_unsupported
from dlpuconv_backends.tflite.report import facts, warnings
from dlpuconv_backends.tflite.runtime import METADATA_NAME, metadata
from dlpuconv_backends.tflite.split_outputs import Piece, split_outputs
from dlpuconv_backends.tflite.tuning import Tuner
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.calibration import Samples
    from dlpuconv.plugin import Draft, Job, Target
    from dlpuconv.quantization import Recipe
    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.tflite.numbers import Range
    from dlpuconv_backends.tflite.statistics import Statistics
    from dlpuconv_backends.tflite.tuning import Tuned


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
    suffix: ClassVar[str] = ".tflite"
    follows_recipes: ClassVar[bool] = True
    tells_blame: ClassVar[bool] = True

    @override
    def warm_up(self) -> None:
        """Start the lowering worker, and the one that runs what it makes."""
        pool.warm_up(LITERT)
        warm_up()

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
        measured = measured_graph(graph, job, lowered)
        statistics = measure(measured, job, lowered)
        mixed = mixed_outputs(graph, statistics.ranges())
        may_split = job.interface.split_outputs is OutputSplitting.AUTO
        told = tell_mixed(graph, mixed, split=may_split)
        pieces = split_outputs(graph, mixed if may_split else [])
        if may_split and mixed:
            name_uniquely(graph)
            measured = measured_graph(graph, job, lowered)
            statistics = measure(measured, job, lowered)  # of what is new too
        tuner = Tuner(material_of(graph, measured, job, lowered, statistics))
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
            layers=tuple(names_of(quantized.graph, job.names).values()),
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
        refuse_unsupported(lowered.graph, job.names)
        name_uniquely(lowered.graph)
        return lowered, rewrites

    @staticmethod
    def _lower(job: Job) -> Lowered:
        wanted = job.interface.input_layout
        layouts = dict.fromkeys(job.bindings, wanted) if wanted is not None else {}
        with job.progress.stage("lowering"):
            return lower(job.model, layouts=layouts)


def _quantize(prepared: TFLitePrepared, recipe: Recipe) -> tuple[Tuned, Quantized]:
    """What the recipe makes of the float graph, and its integers."""
    job = prepared.job
    prescribed = prescribed_inputs(job.bindings)
    interface = Interface(input_dtype=job.interface.input_dtype, output_dtype=job.interface.output_dtype)
    tuned = prepared.tuner.apply(recipe)
    if recipe.rounding is Rounding.LEARNED:
        rounded = prepared.rounder.quantize(tuned, recipe, interface, prescribed)
        return replace(tuned, dropped=(*tuned.dropped, *left_nearest(tuned.graph, rounded.names))), rounded
    if recipe.bias_correction is BiasCorrection.EMPIRICAL:
        return tuned, quantize_empirically(tuned, recipe, interface, prescribed, prepared.tuner.feeds())
    return tuned, quantize(tuned, recipe, interface, prescribed)


def _encode(quantized: Quantized) -> tuple[bytes, str]:
    versions = versions_of(quantized.graph)
    runtime = min_runtime_version((op.kind, version) for op, version in versions.items())
    quantized.graph.metadata[METADATA_NAME] = metadata(runtime)
    return encode(quantized.graph, versions), runtime
