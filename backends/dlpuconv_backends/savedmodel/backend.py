"""The tensorflow backend: float TFLite graph -> SavedModel -> TFLiteConverter, as the camera's documentation has it.

What the converter is handed is equalized and has corrected biases; ranges and integers are its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, override

from dlpuconv.plugin import (
    Affine,
    Artifact,
    Backend,
    CalibrationError,
    Granularity,
    Numbers,
    Port,
    Prepared,
    UnsupportedModelError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.plugin import Job, Recipe, Target
    from dlpuconv.plugin.onnx import SourceNames, ValueSpec
    from dlpuconv_backends.flatbuffer import Graph, Tensor
    from dlpuconv_backends.lowering import Lowered
    from dlpuconv_backends.savedmodel.converter import Observed
    from dlpuconv_backends.savedmodel.tuning import Tuning

_STEPS = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class TunableGraph(Prepared):
    """What all targets share.

    Attributes:
        job: as it was given.
        lowered: the float graph.
        tuning: what makes of it the graph that becomes a SavedModel.
        observed: by recipe, the converter's float file with observed ranges.
    """

    job: Job
    lowered: Lowered
    tuning: Tuning
    observed: dict[Recipe, Observed] = field(default_factory=dict)


class TensorFlowBackend(Backend):
    """Full-integer TFLite files, quantized by TensorFlow."""

    name: ClassVar[str] = "tensorflow"
    numbers: ClassVar[Numbers] = Numbers.INT8
    suffix: ClassVar[str] = ".tflite"

    @override
    def warm_up(self) -> None:
        """Start both workers."""
        from dlpuconv_backends import lowering
        from dlpuconv_backends.savedmodel import converter

        lowering.warm_up()
        converter.warm_up()

    @override
    def prepare(self, job: Job) -> TunableGraph:
        """Lower, and measure what the techniques need that come before quantization.

        Raises:
            CalibrationError: there are no samples, or they do not fit.
            UnsupportedModelError: lists every operator without an integer form, or inputs and outputs without values.
            MissingDependencyError: onnx2tf is not installed.
            BackendError: a tool failed.
        """
        from dlpuconv_backends.lowering import lower
        from dlpuconv_backends.savedmodel.tuning import Tuning

        if job.calibration is None:
            raise CalibrationError(
                "an integer model needs calibration samples; give --calibration", id="calibration-needed"
            )
        wanted = job.interface.input_layout
        layouts = dict.fromkeys(job.bindings, wanted) if wanted is not None else {}
        with job.progress.stage("lowering"):
            lowered = lower(job.model, layouts=layouts, names=job.names, keep=job.cache)
        _refuse_idle_ends(lowered.graph)
        return TunableGraph(job=job, lowered=lowered, tuning=Tuning(job, lowered))

    @override
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """Quantize the tuned graph with the recipe's granularity.

        Raises:
            UsageError: the target takes float numbers, or the recipe has overrides, which TensorFlow has not.
            UnsupportedModelError: lists every operator without a TensorFlow form.
            MissingDependencyError: TensorFlow is not installed.
            BackendError: TensorFlow failed.
        """
        from dlpuconv_backends.savedmodel.converter import quantize

        if not isinstance(prepared, TunableGraph):
            raise TypeError(f"not prepared by this backend: {type(prepared).__name__}")
        if target.scheme.numbers is not Numbers.INT8:
            raise UsageError(
                f"{target.name} takes {target.scheme.numbers} files; the tensorflow backend makes int8 ones",
                id="backend-numbers",
            )
        if recipe.overrides:
            raise UsageError(
                "the tensorflow backend has one granularity for all layers: give --override with --backend tflite only",
                id="backend-option",
            )
        job, done = prepared.job, prepared.tuning.recipe(recipe, target)
        if done not in prepared.observed:
            prepared.observed[done] = _observed(prepared, prepared.tuning.tuned(done, target))
        observed = prepared.observed[done]
        made = quantize(
            observed.content,
            per_channel=done.granularity is Granularity.PER_CHANNEL,
            dense_per_channel=False,  # older camera firmware has no kernel for it
            input_dtype=job.interface.input_dtype,
            output_dtype=job.interface.output_dtype,
        )
        content, graph = _named(made, prepared.lowered.graph, observed)
        signature = job.model.signature
        return Artifact(
            files={"": content},
            inputs=_ports(signature.inputs, graph.inputs, prepared.lowered.input_permutations),
            outputs=_ports(signature.outputs, graph.outputs, prepared.lowered.output_permutations),
            bindings=job.bindings,
            facts={
                "ops": dict(Counter(op.kind for op in graph.operators).most_common()),
                "float_sqnr_db": {name: _finite(value) for name, value in prepared.lowered.sqnr_db.items()},
                "tuned": done.summary,
            },
        )


def _observed(prepared: TunableGraph, graph: Graph) -> Observed:
    """Let the converter observe the calibration samples on a graph.

    Raises:
        UnsupportedModelError: lists every operator without a TensorFlow form.
        BackendError: TensorFlow failed.
    """
    from dlpuconv_backends.flatbuffer import encode
    from dlpuconv_backends.savedmodel.converter import observe

    job = prepared.job
    with job.progress.stage("calibrating in TensorFlow"):
        try:
            return observe(
                encode(graph),
                _feeds(job, prepared.lowered),
                [tensor.shape for tensor in graph.inputs],
                ranges=_prescribed(job, graph),
                saved_model=True,
            )
        except UnsupportedModelError as error:
            refused = _source_values(graph, error.problems, job.names)
            raise UnsupportedModelError(str(error), error.problems, refused, id=error.id) from error


def _source_values(graph: Graph, kinds: Collection[str], names: SourceNames) -> Iterator[str]:
    """What the source's nodes make that became operators of these kinds."""
    for op in graph.operators:
        if op.kind in kinds:
            yield from names.values_of(op.source_name, (name for tensor in op.outputs for name in tensor.source_names))


def _refuse_idle_ends(graph: Graph) -> None:
    """TensorFlow quantizes what it has observed: inputs that nothing reads and constant outputs would stay float.

    Raises:
        UnsupportedModelError: names them.
    """
    read = {tensor for op in graph.operators for tensor in op.inputs} | set(graph.outputs)
    computed = set(graph.inputs)
    for op in graph.operators:
        if any(tensor in computed for tensor in op.inputs):
            computed.update(op.outputs)
    idle = [f"the input {t.name!r} is read by nothing" for t in graph.inputs if t not in read]
    idle += [f"the output {t.name!r} depends on no input" for t in graph.outputs if t not in computed]
    if idle:
        raise UnsupportedModelError(
            f"the tensorflow backend would leave inputs or outputs of the file in float:"
            f" {', '.join(idle)}; remove them from the model or use the tflite backend",
            id="ports-idle",
        )


def _finite(value: float) -> float | None:
    return round(value, 1) if value < float("inf") else None


def _feeds(job: Job, lowered: Lowered) -> Iterator[list[npt.NDArray[np.float32]]]:
    assert job.calibration is not None
    for sample in job.calibration.fit:
        yield [
            job.bindings[name].apply(sample[name]).transpose(order)
            if name in job.bindings
            else sample[name].transpose(order)
            for name, order in lowered.input_permutations.items()
        ]


def _prescribed(job: Job, graph: Graph) -> dict[int, list[float]]:
    """Lowest and highest value of the inputs whose scale and zero point follow from what the camera delivers."""
    return {
        position: _limits(binding.quantization)
        for position, tensor in enumerate(graph.inputs)
        if (binding := job.bindings.get(tensor.name)) is not None and binding.quantization is not None
    }


def _limits(fixed: Affine) -> list[float]:
    return [fixed.real(0), fixed.real(_STEPS)]


def _named(content: bytes, source: Graph, observed: Observed) -> tuple[bytes, Graph]:
    """The converter's file with the source's names and order of inputs and outputs, op versions as they were."""
    from ai_edge_litert import schema_py_generated as schema

    from dlpuconv_backends.flatbuffer import decode, encode

    graph = decode(content)
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    codes = [model.operatorCodes[op.opcodeIndex].version for op in model.subgraphs[0].operators]
    graph.inputs = [graph.inputs[position] for position in observed.inputs]
    graph.outputs = [graph.outputs[position] for position in observed.outputs]
    for tensor in graph.tensors():
        tensor.name = f"tensorflow/{tensor.name}"
    for ours, theirs in zip((*source.inputs, *source.outputs), (*graph.inputs, *graph.outputs), strict=True):
        theirs.name = ours.name
    graph.metadata = _metadata(model)
    return encode(graph, dict(zip(graph.operators, codes, strict=True))), graph


def _metadata(model: Any) -> dict[str, bytes]:
    """The one entry that runtimes read; the others tell of the converting machine."""
    for entry in model.metadata or ():
        if entry.name == b"min_runtime_version":
            return {"min_runtime_version": bytes(model.buffers[entry.buffer].data)}
    return {}


def _ports(
    specs: tuple[ValueSpec, ...], tensors: list[Tensor], permutations: Mapping[str, tuple[int, ...]]
) -> tuple[Port, ...]:
    return tuple(
        _quantized(
            Port(
                name=spec.name,
                source_shape=spec.shape,
                shape=tensor.shape,
                permutation=permutations[spec.name],
                dtype=tensor.dtype.name,
            ),
            tensor,
        )
        for spec, tensor in zip(specs, tensors, strict=True)
    )


def _quantized(port: Port, tensor: Tensor) -> Port:
    if tensor.quantization is None:
        return port
    return replace(port, quantization=tensor.quantization)
