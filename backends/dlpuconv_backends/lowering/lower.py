"""model -> Lowered: a clean float TFLite graph whose numbers were compared with ONNX Runtime's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin import ArtifactError, BackendError
from dlpuconv.plugin.data import NOTHING
from dlpuconv.plugin.onnx import UNKNOWN, Layout, PassReport
from dlpuconv_backends.cleanup import clean
from dlpuconv_backends.cleanup.titles import TITLES
from dlpuconv_backends.flatbuffer.build import transpose
from dlpuconv_backends.flatbuffer.codec import decode
from dlpuconv_backends.flatbuffer.graph import Graph, Tensor
from dlpuconv_backends.lowering.beside import Suspect
from dlpuconv_backends.lowering.culprits import UnableError, refusal, unknown_to_runtime
from dlpuconv_backends.lowering.outputs import restore_outputs
from dlpuconv_backends.lowering.proof import prove
from dlpuconv_backends.lowering.raw import raw_lowering
from dlpuconv_backends.lowering.refusals import (
    refuse_computed_weights,
    refuse_idle_outputs,
    refuse_small_integers,
    refuse_types,
)
from dlpuconv_backends.lowering.respell import respell
from dlpuconv_backends.lowering.search import accuse
from dlpuconv_backends.lowering.shapes import fit_reshapes, true_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.plugin.data import Keep
    from dlpuconv.plugin.onnx import Model, SourceNames, ValueSpec
    from dlpuconv_backends.lowering.raw import RawLowering

type Permutation = tuple[int, ...]

_OWN_FAULT = " (a fault of dlpuconv's clean-up; please report it)"

TO_CHANNELS_LAST: Permutation = (0, 2, 3, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A model as a float TFLite graph.

    Attributes:
        graph: inputs and outputs have the names and the order of the source model.
        input_permutations: by input name; axis i of the graph's input is axis permutation[i] of the source's.
        output_permutations: by output name, likewise; each was proven on values.
        sqnr_db: signal-to-noise ratio in dB of each output on the proof's random sample, against ONNX Runtime.
        fired: how often each rewrite of the clean-up changed something, by name.
    """

    graph: Graph
    input_permutations: Mapping[str, Permutation]
    output_permutations: Mapping[str, Permutation]
    sqnr_db: Mapping[str, float]
    fired: Mapping[str, int]

    @property
    def reports(self) -> tuple[PassReport, ...]:
        """The same for people: the clean-up works on the whole graph, and no layer alone."""
        return tuple(PassReport(name.replace("_", "-"), TITLES[name], times) for name, times in self.fired.items())


def lower(
    model: Model, *, layouts: Mapping[str, Layout], names: SourceNames = UNKNOWN, keep: Keep = NOTHING
) -> Lowered:
    """Lower a model in normal form and prove the result.

    Args:
        model: static shapes; it is not changed.
        layouts: wanted layout by input name. Rank-4 NCHW inputs that are not named become NHWC; every other input
            keeps the source's layout.
        names: what the source model calls its nodes.
        keep: keeps what onnx2tf makes of it; it is proven anew all the same.

    Raises:
        UnsupportedModelError: operators have no form in TFLite, or none that computes what they compute; a convolution
            computes its weights, something computes with small integers, or an output is an input.
        BackendError: the lowering worker failed.
        ArtifactError: ONNX Runtime cannot run the model.
        MissingDependencyError: onnx2tf is not installed.
    """
    refuse_idle_outputs(model)
    try:
        refuse_types(model)
        refuse_computed_weights(model)
        return _lowered(model, layouts, keep)
    except UnableError as error:
        raise refusal(error, model, names) from error


def _lowered(model: Model, layouts: Mapping[str, Layout], keep: Keep) -> Lowered:
    source, spelled = model.split(), respell(model)
    raw = raw_lowering(source if spelled is model else spelled.split(), keep)
    graph = adopt(raw, model)
    refuse_small_integers(graph)
    inputs = {spec.name: _input_permutation(spec, layouts.get(spec.name)) for spec in model.signature.inputs}
    for index, spec in enumerate(model.signature.inputs):
        if inputs[spec.name] != tuple(range(len(spec.shape))):
            _permute_input(graph, index, inputs[spec.name])
    cleaned = clean(graph, source_transposes(model))
    outputs = cleaned.output_permutations
    try:
        proof = prove(graph, source, model.signature, inputs, outputs)
    except ArtifactError as error:
        if (unable := unknown_to_runtime(error)) is None:
            raise
        raise unable from error
    if proof.doubted:
        ports = (*model.signature.inputs, *model.signature.outputs)
        plain = {spec.name: tuple(range(len(spec.shape))) for spec in ports}
        suspect = Suspect(graph=graph, source=source, inputs=inputs, outputs=outputs, proof=proof)
        accuse(replace(suspect, graph=adopt(raw, model), inputs=plain, outputs=plain))  # there, no two nodes are fused
        try:
            accuse(suspect)
        except UnableError as error:
            raise UnableError(error.nodes, f"{error.why}{_OWN_FAULT}", id=error.id) from error
    return Lowered(
        graph=graph,
        input_permutations=inputs,
        output_permutations=outputs,
        sqnr_db=proof.sqnr_db,
        fired=cleaned.fired,
    )


def adopt(raw: RawLowering, model: Model) -> Graph:
    """The worker's file as a graph that carries the source's names and shapes.

    Raises:
        BackendError: inputs or outputs differ from the model's.
    """
    graph = decode(raw.content)
    graph.description = "dlpuconv"
    for tensor in graph.tensors():
        if tensor.name in raw.constants:
            tensor.data = raw.constants[tensor.name].reshape(tensor.shape)
    known = _source_shapes(model)
    inferred = true_shapes(raw.content, graph)
    for tensor in graph.tensors():
        if tensor.is_constant:
            continue
        tensor.shape = inferred.get(tensor.name, tensor.shape)
        if tensor.name in raw.moved:
            tensor.source_names = (raw.moved[tensor.name],)
        elif tensor.name in raw.values:
            name = raw.values[tensor.name]
            tensor.source_names = (name,)
            # Behind shape arithmetic neither onnx2tf nor LiteRT knows a shape; the model does.
            tensor.shape = known.get(name, tensor.shape)
    fit_reshapes(graph)
    for op in graph.operators:
        op.source_name = next((raw.nodes[t.name] for t in op.outputs if t.name in raw.nodes), "")
    _say_which_gelu(graph, model)
    graph.inputs = _in_order(graph.inputs, model.signature.inputs, "input")
    graph.outputs = _in_order(graph.outputs, model.signature.outputs, "output")
    restore_outputs(graph, model.signature, inferred)
    return graph


def _say_which_gelu(graph: Graph, model: Model) -> None:
    """onnx2tf drops `approximate` of Gelu: the exact one and the one by tanh differ by 5e-4."""
    approximate = {
        node.name: node.attributes["approximate"].as_string() == "tanh"
        for node in model.graph.graph
        if node.op_type == "Gelu" and "approximate" in node.attributes
    }
    for op in graph.operators:
        if op.kind == "GELU":
            op.options = schema.GeluOptionsT()
            op.options.approximate = approximate.get(op.source_name, False)


def source_transposes(model: Model) -> frozenset[str]:
    """Names of the model's own Transpose nodes: those are computation, not layout."""
    return frozenset(node.name for node in model.graph.graph if node.op_type == "Transpose" and node.name)


def _source_shapes(model: Model) -> dict[str, tuple[int, ...]]:
    values = [*model.graph.graph.inputs, *(v for node in model.graph.graph for v in node.outputs)]
    return {v.name: v.shape.numpy() for v in values if v.name and v.shape is not None and v.shape.is_static()}


def _in_order(tensors: list[Tensor], specs: tuple[ValueSpec, ...], what: str) -> list[Tensor]:
    by_name = {t.name: t for t in tensors}
    ordered = []
    for spec in specs:
        tensor = by_name.get(spec.name)
        if tensor is None:
            raise BackendError(
                f"lowering lost the {what} {spec.name!r}; the lowered model has {sorted(by_name)}",
                id="backend-lowering-unusable",
            )
        tensor.source_names = (spec.name,)
        ordered.append(tensor)
    return ordered


def _input_permutation(spec: ValueSpec, wanted: Layout | None) -> Permutation:
    if wanted is None:
        wanted = Layout.NHWC if spec.layout is Layout.NCHW else spec.layout
    if wanted is Layout.NHWC and spec.layout is Layout.NCHW:
        return TO_CHANNELS_LAST
    return tuple(range(len(spec.shape)))


def _permute_input(graph: Graph, index: int, permutation: Permutation) -> None:
    """Input -> (input', TRANSPOSE): the graph's own input becomes one in the wanted layout."""
    old = graph.inputs[index]
    new = Tensor(old.name, tuple(old.shape[axis] for axis in permutation), old.dtype, source_names=old.source_names)
    inverse = tuple(permutation.index(axis) for axis in range(len(permutation)))
    old.name += "/source_layout"
    graph.operators.insert(0, transpose(new, inverse, old))
    graph.inputs[index] = new
