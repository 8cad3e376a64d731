"""A float ONNX file that a vendor's compiler takes as it is: static, planar, simplified, of an old opset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from shlex import quote
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.plugin import (
    Artifact,
    Backend,
    BackendError,
    Draft,
    Normalization,
    Numbers,
    Prepared,
    UnsupportedModelError,
    UsageError,
    listed,
)
from dlpuconv.plugin.data import ContentStore
from dlpuconv.plugin.package import MODEL, RAW_PIXELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    import onnx_ir

    from dlpuconv.plugin import Job, Json, Port, Recipe, Target
    from dlpuconv.plugin.data import StoredFile
    from dlpuconv.plugin.onnx import Model, Split
    from dlpuconv.plugin.views import LayerNames
    from dlpuconv_backends.onnx_float.package import Package

DEFAULT_OPSET = 13
"""The safest across public evidence: vendors' own exports for CVflow are of opset 11, 13 and 16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FloatModel(Prepared):
    """The finished file; every target of this backend takes the same.

    Attributes:
        network: in two parts.
        content: the same, serialized.
        opset: of it.
        inputs: in the source model's order.
        outputs: in the source model's order.
        warnings: what the user should know.
        facts: for the manifest.
        layers: names of its nodes, in their order.
        job: what it was made from.
    """

    network: Split
    content: StoredFile
    opset: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    warnings: tuple[str, ...]
    facts: dict[str, Json]
    layers: tuple[LayerNames, ...]
    job: Job


def _left_out(job: Job, target: Target) -> list[str]:
    """What becomes of a quantized source's scales, in a sentence."""
    if not job.model.scales:
        return []
    told = "the scales of the quantized model are left out, with its QuantizeLinear and DequantizeLinear nodes, and its"
    return [f"{told} weights are floats: the compiler of {target.name} quantizes the network itself"]


class OnnxFloatBackend(Backend):
    """Makes the float ONNX files."""

    name: ClassVar[str] = "onnx-float"
    numbers: ClassVar[Numbers] = Numbers.FLOAT32
    suffix: ClassVar[str] = ""
    normalization: ClassVar[Normalization] = Normalization.OP
    """In front of the network: folding through a padded convolution is not exact, and nothing here needs it."""

    @override
    def prepare(self, job: Job) -> FloatModel:
        """Lower the opset, shape inputs and outputs, check.

        Raises:
            UnsupportedModelError: lists what such a file cannot hold, or what the asked opset cannot express.
            UsageError: the asked opset is outside what is possible.
            BackendError: the result is not valid ONNX, or the temporary folder is full.
        """
        from dlpuconv_backends.onnx_float.refusals import demand_convertible

        demand_convertible(job.model.graph, job.names)
        lowered = _lowered(job.model, job.interface.opset)
        network, layers, inputs, outputs = _finished(lowered.model, job)
        return FloatModel(
            network=network,
            content=_stored(network),
            opset=lowered.model.opset,
            inputs=inputs,
            outputs=outputs,
            warnings=lowered.warnings,
            facts=_facts(network.proto, lowered),
            layers=layers,
            job=job,
        )

    @override
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """The package's files; the recipe has no say in float numbers.

        Raises:
            UsageError: the target takes integers.
        """
        if not isinstance(prepared, FloatModel):
            raise TypeError(f"not prepared by this backend: {type(prepared).__name__}")
        if target.scheme.numbers is not Numbers.FLOAT32:
            raise UsageError(
                f"{target.name} takes {target.scheme.numbers} files; the {self.name} backend makes float32",
                id="backend-numbers",
            )
        package = _package(prepared, target)
        return Artifact(
            files=package.files,
            inputs=prepared.inputs,
            outputs=prepared.outputs,
            bindings=prepared.job.bindings,
            warnings=(*_left_out(prepared.job, target), *prepared.warnings, *package.warnings),
            facts={**prepared.facts, **package.facts},
            stored=package.stored,
            layers=prepared.layers,
            dropped=_dropped(target, recipe),
        )

    @override
    def draft(self, job: Job, targets: Sequence[Target]) -> tuple[Draft, ...]:
        """The finished model, which is the same for all: nothing in it is measured."""
        from dlpuconv.plugin.onnx import view_of

        made = self.prepare(job)
        view = view_of(made.network.proto, made.network.weights)
        return tuple(Draft(view=view, layers=made.layers, warnings=made.warnings) for _ in targets)


def _dropped(target: Target, recipe: Recipe) -> tuple[str, ...]:
    """What the user asked for by layer: the chip's compiler decides of that."""
    asked = ", ".join(f"--override {quote(f'{o.pattern}={o.granularity}')}" for o in recipe.overrides)
    return (f"{asked} has no effect: {target.name} takes float32 numbers",) if asked else ()


def _package(prepared: FloatModel, target: Target) -> Package:
    """The model with all that the target's compiler wants beside it; alone where the target says nothing of that."""
    from dlpuconv_backends.onnx_float.package import Package, make_package

    if target.packager is None:
        return Package(files={rest.name: rest.content for rest in prepared.job.rests}, stored={MODEL: prepared.content})
    return make_package(prepared, prepared.job, target.packager)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lowered:
    model: Model
    decomposed: tuple[str, ...]
    warnings: tuple[str, ...]


def _lowered(model: Model, asked: int | None) -> _Lowered:
    """A copy of the model at the asked opset, or at the lowest one from the default on that can express it."""
    from dlpuconv.plugin.onnx import Editor
    from dlpuconv_backends.onnx_float.pools import restore_pools
    from dlpuconv_backends.opsets import OLDEST, lower_opset

    if asked is not None and not OLDEST <= asked <= model.opset:
        raise UsageError(
            f"--opset {asked} is not possible for this model: it can be {OLDEST} to {model.opset}",
            id="backend-interface",
        )
    wanted, stopped = asked or min(DEFAULT_OPSET, model.opset), ""
    pooled = model.copy()
    restore_pools(Editor(pooled.graph))
    before = {node.op_type for node in pooled.graph.graph}
    while True:
        copy = pooled.copy()
        blockers = lower_opset(Editor(copy.graph), wanted)
        if not blockers:
            break
        found = sorted({str(blocker) for blocker in blockers})
        shown = listed(found, separator="; ")
        if asked is not None:
            text = f"opset {asked} cannot express {shown}; without --opset the lowest is chosen"
            raise UnsupportedModelError(text, found, id="opset-too-old")
        wanted, stopped = max(blocker.needs for blocker in blockers), stopped or shown
    gone = before - {node.op_type for node in copy.graph.graph}
    warning = f"the file has opset {wanted}, for {DEFAULT_OPSET} cannot express {stopped}"
    return _Lowered(model=copy, decomposed=tuple(sorted(gone)), warnings=(warning,) if stopped else ())


def _finished(model: Model, job: Job) -> tuple[Split, tuple[LayerNames, ...], tuple[Port, ...], tuple[Port, ...]]:
    import onnx
    from onnx_ir.passes import common

    from dlpuconv.plugin.onnx import Editor, graph_layers
    from dlpuconv_backends.onnx_float.interface import shape_interface

    ports = shape_interface(Editor(model.graph), model.signature)
    for tidy in (common.RemoveUnusedNodesPass(), common.DeduplicateInitializersPass(), common.RemoveUnusedOpsetsPass()):
        tidy(model.graph)
    layers = graph_layers(model.graph.graph, job.names)
    _strip(model.graph)
    raw = {name for name, binding in job.bindings.items() if binding.raw_pixels}
    model.graph.metadata_props[RAW_PIXELS] = ",".join(p.name_in_file for p in ports[0] if p.name in raw)
    model.graph.ir_version = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", model.opset)])
    return _checked(model.split(), model.opset), layers, *ports


def _checked(network: Split, opset: int) -> Split:
    """The network with the types of all its values, once ONNX accepts it."""
    from dlpuconv.plugin.onnx import LostError, ModelRefusedError, check_model, infer_shapes

    try:
        proto = infer_shapes(network.proto, strict=True, values=True, types=True)
        network = replace(network, proto=proto)
        check_model(network.declared(), full=True)
    except (ModelRefusedError, LostError) as error:
        raise BackendError(
            f"the ONNX file of opset {opset} is not valid: {str(error).splitlines()[0]}", id="backend-file-invalid"
        ) from error
    return network


def _stored(network: Split) -> StoredFile:
    try:
        return ContentStore().collect(network.serialized())
    except OSError as error:
        raise BackendError(
            f"the model does not fit into the temporary folder: {error}", id="backend-temporary-folder"
        ) from error


def _strip(model: onnx_ir.Model) -> None:
    """Remove what exporters leave for themselves: it is large, and holds paths of the exporting machine."""
    graph = model.graph
    for holder in (model, graph, *graph, *graph.inputs, *(o for node in graph for o in node.outputs)):
        holder.metadata_props.clear()
        holder.doc_string = None
    for initializer in graph.initializers.values():
        initializer.metadata_props.clear()
        initializer.doc_string = None
    graph.name = "model"
    model.producer_name, model.producer_version = "dlpuconv", None
    model.domain, model.model_version = None, None


def _facts(proto: onnx.ModelProto, lowered: _Lowered) -> dict[str, Json]:
    counts = Counter(node.op_type for node in proto.graph.node)
    return {
        "opset": next(entry.version for entry in proto.opset_import if not entry.domain),
        "ir_version": proto.ir_version,
        "op_counts": dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        "decomposed": list(lowered.decomposed),
        "parameters": sum(_size(tensor) for tensor in proto.graph.initializer),
    }


def _size(tensor: onnx.TensorProto) -> int:
    size = 1
    for extent in tensor.dims:
        size *= extent
    return size
