"""The tflite backend: ONNX model -> float TFLite graph -> statistics -> one integer file for each target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.plugin import INT8, Artifact, Backend, CalibrationError, Numbers, Prepared, Splitting
from dlpuconv.plugin.input_parts import split_inputs, tell_split
from dlpuconv.plugin.isolation import pool
from dlpuconv.plugin.onnx import PassReport
from dlpuconv.plugin.quantization import Quantizer, clipped_inputs, feeds, given_of, names_of, prescribed_inputs
from dlpuconv.plugin.tflite import LITERT, min_runtime_version
from dlpuconv_backends.flatbuffer import encode
from dlpuconv_backends.lowering import Lowered, attendant, lower, warm_up
from dlpuconv_backends.tflite.draft import draft
from dlpuconv_backends.tflite.emission import build
from dlpuconv_backends.tflite.interface import interface_of, output_port, port
from dlpuconv_backends.tflite.legalize import legalize
from dlpuconv_backends.tflite.naming import name_uniquely
from dlpuconv_backends.tflite.network import TFLiteNetwork
from dlpuconv_backends.tflite.refusals import refuse_unsupported
from dlpuconv_backends.tflite.rest import restore_layouts
from dlpuconv_backends.tflite.runtime import METADATA_NAME, metadata
from dlpuconv_backends.tflite.schemes import refuse_scheme
from dlpuconv_backends.tflite.spell import spelled
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.plugin import Draft, Job, Recipe, Spelling, Target
    from dlpuconv.plugin.data import Samples
    from dlpuconv.plugin.isolation import Attendant
    from dlpuconv.plugin.onnx import Model
    from dlpuconv.plugin.quantization import Blame, OutputPiece, Proposal, Quantized
    from dlpuconv_backends.flatbuffer import Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelled:
    """The network of targets that have the same operators spelled out.

    Attributes:
        quantizer: of the float network, whose every operator has an int8 form.
        outputs: what each output of the network is of the source model's.
        warnings: what the user should know of it.
        rewrites: what legalization and spelling did: ONNX nodes by rewrite.
    """

    quantizer: Quantizer
    outputs: tuple[OutputPiece, ...]
    warnings: tuple[str, ...]
    rewrites: Mapping[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TFLitePrepared(Prepared):
    """What all targets share. Nobody edits it.

    Attributes:
        job: as it was given.
        networks: by what is spelled in them.
        input_permutations: by input name.
        output_permutations: by output name.
    """

    job: Job
    networks: Mapping[Spelling | None, Spelled]
    input_permutations: Mapping[str, tuple[int, ...]]
    output_permutations: Mapping[str, tuple[int, ...]]


class TFLiteBackend(Backend):
    """Full-integer TFLite files, quantized by dlpuconv itself."""

    name: ClassVar[str] = "tflite"
    numbers: ClassVar[Numbers] = Numbers.INT8
    suffix: ClassVar[str] = ".tflite"
    follows_recipes: ClassVar[bool] = True
    tells_blame: ClassVar[bool] = True
    makes_rests: ClassVar[bool] = True

    @override
    def warm_up(self) -> None:
        """Start the lowering worker, and the one that runs what it makes."""
        pool.warm_up(LITERT)
        warm_up()

    @override
    @classmethod
    def attendants(cls) -> tuple[Attendant, ...]:
        """The lowering worker."""
        return (attendant(),)

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
            raise CalibrationError(
                "an integer model needs calibration samples; give --calibration", id="calibration-needed"
            )
        job = split_inputs(job)
        lowered, rewrites = self._legal(job)
        measured: dict[Graph, Spelled] = {}
        networks: dict[Spelling | None, Spelled] = {}
        for spelling in job.spellings:
            graph, more = _spelled(lowered.graph, spelling)
            if graph not in measured:
                measured[graph] = _measured(job, graph, lowered.input_permutations, {**rewrites, **more})
            networks[spelling] = measured[graph]
        return TFLitePrepared(
            job=job,
            networks=networks,
            input_permutations=lowered.input_permutations,
            output_permutations=lowered.output_permutations,
        )

    @override
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """Quantize under the recipe and encode.

        Raises:
            UsageError: the target wants what TFLite files cannot be, or an override names no layer.
        """
        made = self._prepared(prepared)
        refuse_scheme(target)
        job, network = made.job, made.networks[target.spelling]
        outcome = network.quantizer.quantize(recipe, target.scheme)
        graph = build(outcome.quantized, interface_of(job))
        content, runtime = _encode(graph)
        signature, prescribed = job.model.signature, prescribed_inputs(job.bindings, INT8)
        return Artifact(
            files={"": content},
            inputs=tuple(
                replace(port(spec, tensor, made.input_permutations[spec.name]), part=job.input_parts.get(spec.name))
                for spec, tensor in zip(signature.inputs, graph.inputs, strict=True)
            ),
            outputs=tuple(
                output_port(signature.outputs, piece, tensor, made.output_permutations)
                for piece, tensor in zip(network.outputs, graph.outputs, strict=True)
            ),
            bindings=job.bindings,
            warnings=(
                *network.warnings,
                *clipped_inputs(prescribed, network.quantizer.ranges, INT8),
                *outcome.warnings,
            ),
            facts={
                **outcome.facts,
                "ops": dict(Counter(op.kind for op in graph.operators).most_common()),
                "min_runtime_version": runtime,
                "rewrites": {title: list(names) for title, names in network.rewrites.items()},
            },
            dropped=outcome.dropped,
            layers=tuple(names_of(TFLiteNetwork(graph), job.names).values()),
        )

    @override
    def blame(self, prepared: Prepared, target: Target, recipe: Recipe, samples: Samples) -> Blame:
        """Measure every operator on the plain integer kernels."""
        made = self._prepared(prepared)
        quantizer = made.networks[target.spelling].quantizer
        inputs, parts = quantizer.network.inputs, made.job.input_parts
        given = feeds(samples, made.job.bindings, inputs, made.input_permutations, parts)
        return quantizer.blame(recipe, target.scheme, given)

    @override
    def propose(self, prepared: Prepared, target: Target, recipe: Recipe, what: Proposal) -> Recipe:
        return self._prepared(prepared).networks[target.spelling].quantizer.propose(recipe, target.scheme, what)

    @override
    def quantized(self, prepared: Prepared, target: Target, recipe: Recipe) -> Quantized:
        return self._prepared(prepared).networks[target.spelling].quantizer.quantize(recipe, target.scheme).quantized

    @override
    def draft(self, job: Job, targets: Sequence[Target]) -> tuple[Draft, ...]:
        """Lower and legalize once, and quantize with placeholders for each target."""
        lowered, rewrites = self._legal(job)

        def drafted(target: Target) -> Draft:
            graph, more = _spelled(lowered.graph, target.spelling)
            told = (PassReport(t, t, len(nodes), tuple(nodes)) for t, nodes in {**rewrites, **more}.items())
            return replace(draft(graph, job, target), rewritten=(*lowered.reports, *told))

        return tuple(drafted(target) for target in targets)

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
        lowered.graph.drop_dead()
        refuse_unsupported(lowered.graph, job.names)
        name_uniquely(lowered.graph)
        return lowered, rewrites

    @override
    def rest(self, model: Model) -> bytes:
        """A part for the camera's CPU, whose TFLite runtime has float kernels.

        Raises:
            UnsupportedModelError: it holds what TFLite has no form for.
            BackendError: lowering failed, or its result is not the same.
        """
        lowered = lower(model, layouts={spec.name: spec.layout for spec in model.signature.inputs})
        restore_layouts(lowered)
        lowered.graph.drop_dead()
        name_uniquely(lowered.graph)
        return _encode(lowered.graph)[0]

    @staticmethod
    def _lower(job: Job) -> Lowered:
        wanted = job.interface.input_layout
        layouts = dict.fromkeys(job.bindings, wanted) if wanted is not None else {}
        with job.progress.stage("lowering"):
            return lower(job.model, layouts=layouts, names=job.names, keep=job.cache)


def _spelled(graph: Graph, spelling: Spelling | None) -> tuple[Graph, dict[str, list[str]]]:
    """A graph with operators in others, its names unique; the graph itself where there is nothing to spell."""
    if spelling is None:
        return graph, {}
    found, done = spelled(graph, spelling)
    name_uniquely(found)
    return found, done


def _measured(
    job: Job, graph: Graph, permutations: Mapping[str, tuple[int, ...]], rewrites: Mapping[str, list[str]]
) -> Spelled:
    """Measure the activations of a legal graph, and split its outputs where the job wants that."""
    network = TFLiteNetwork(graph)

    def realize(quantized: Quantized) -> TFLiteNetwork:
        return TFLiteNetwork(build(quantized, interface_of(job)), network)

    given = given_of(job, network, permutations, codes=INT8, runtime="ai-edge-litert")
    quantizer = Quantizer(network, given, realize)
    split = quantizer.split_outputs(wanted=job.interface.split_outputs is Splitting.AUTO)
    return Spelled(
        quantizer=split.quantizer, outputs=split.pieces, warnings=(*tell_split(job), *split.told), rewrites=rewrites
    )


def _encode(graph: Graph) -> tuple[bytes, str]:
    versions = versions_of(graph)
    runtime = min_runtime_version((op.kind, version) for op, version in versions.items())
    graph.metadata[METADATA_NAME] = metadata(runtime)
    return encode(graph, versions), runtime
