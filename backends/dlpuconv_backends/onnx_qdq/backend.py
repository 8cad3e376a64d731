"""The onnx-qdq backend: ONNX model -> legal ONNX graph -> statistics -> one file of QDQ nodes for each target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, override

from dlpuconv.plugin import Artifact, Backend, BackendError, CalibrationError, Draft, Numbers, Prepared
from dlpuconv.plugin.onnx import warm_up
from dlpuconv.plugin.quantization import Quantizer, clipped_inputs, feeds, given_of, prescribed_inputs
from dlpuconv_backends.onnx_qdq.axes import last_order
from dlpuconv_backends.onnx_qdq.emission import Emitted, emit
from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
from dlpuconv_backends.onnx_qdq.integer_network import IntegerNetwork
from dlpuconv_backends.onnx_qdq.interface import (
    in_opset,
    port,
    refuse_impossible,
    refuse_unknown,
)
from dlpuconv_backends.onnx_qdq.legalize import legalize
from dlpuconv_backends.onnx_qdq.network import OnnxNetwork, place_of
from dlpuconv_backends.onnx_qdq.schemes import refuse_layers, refuse_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.plugin import Coding, Job, Recipe, Scheme, Target
    from dlpuconv.plugin.data import Samples
    from dlpuconv.plugin.onnx import PassReport, Split
    from dlpuconv.plugin.quantization import Blame, Network, Proposal, Quantized
    from dlpuconv.plugin.views import LayerNames

_LARGEST = (1 << 31) - 1  # protobuf's


@dataclass(frozen=True, slots=True, kw_only=True)
class QdqPrepared(Prepared):
    """What all targets share.

    Attributes:
        job: as it was given.
        graph: legal.
        rewritten: what legalization did and left alone.
        quantizers: of the network, by coding of activations; filled as they are asked for.
    """

    job: Job
    graph: OnnxGraph
    rewritten: tuple[PassReport, ...]
    quantizers: dict[Coding, Quantizer] = field(default_factory=dict)

    def quantizer(self, scheme: Scheme) -> Quantizer:
        """The quantizer for activations of a coding, which scores have the scales of."""
        coding = scheme.activation_codes
        if coding not in self.quantizers:
            network = OnnxNetwork(self.graph, coding)
            self.quantizers[coding] = Quantizer(
                network,
                given_of(self.job, network, _orders(network), codes=coding.type, runtime="onnxruntime"),
                _realized,
            )
        return self.quantizers[coding]


class OnnxQdqBackend(Backend):
    """ONNX files with QDQ nodes, quantized by dlpuconv itself."""

    name: ClassVar[str] = "onnx-qdq"
    numbers: ClassVar[Numbers] = Numbers.INT8
    suffix: ClassVar[str] = ".onnx"
    follows_recipes: ClassVar[bool] = True
    tells_blame: ClassVar[bool] = True

    @override
    def warm_up(self) -> None:
        """Start the worker that runs ONNX Runtime."""
        warm_up()

    @override
    def prepare(self, job: Job) -> QdqPrepared:
        """Legalize; activations are measured when it is known of which type they will be.

        Raises:
            CalibrationError: there are no samples.
            UnsupportedModelError: lists every node that runs another graph, or that the asked opset cannot express.
        """
        if job.calibration is None:
            raise CalibrationError(
                "an integer model needs calibration samples; give --calibration", id="calibration-needed"
            )
        return _prepared(job)

    @override
    def emit(self, prepared: Prepared, target: Target, recipe: Recipe) -> Artifact:
        """Quantize under the recipe, and write the nodes.

        Raises:
            UsageError: the target takes float numbers, an override names no layer, or an option cannot be followed.
            BackendError: the result is no valid ONNX, or too large for one file.
        """
        made = _demanded(prepared)
        job, scheme = made.job, target.scheme
        refuse_scheme(target)
        refuse_impossible(job, target)
        quantizer = made.quantizer(scheme)
        outcome = quantizer.quantize(recipe, scheme)
        refuse_layers(outcome.quantized, target)
        emitted = emit(outcome.quantized)
        network, layers = _finished(emitted, job)
        signature, codes = job.model.signature, scheme.activation_codes.type
        clipped = clipped_inputs(prescribed_inputs(job.bindings, codes), quantizer.ranges, codes)
        return Artifact(
            files={"": _content(network)},
            inputs=tuple(map(port, signature.inputs)),
            outputs=tuple(map(port, signature.outputs)),
            bindings=job.bindings,
            warnings=(*clipped, *outcome.warnings),
            facts={
                **outcome.facts,
                "ops": dict(Counter(node.op_type for node in network.proto.graph.node).most_common()),
                "opset": emitted.graph.opset,
                "rewrites": {entry.name: entry.fired for entry in made.rewritten if entry.fired},
            },
            dropped=outcome.dropped,
            layers=layers,
        )

    @override
    def blame(self, prepared: Prepared, target: Target, recipe: Recipe, samples: Samples) -> Blame:
        """Measure every operator on codes, in ONNX Runtime."""
        made = _demanded(prepared)
        quantizer = made.quantizer(target.scheme)
        given = feeds(samples, made.job.bindings, quantizer.network.inputs, _orders(quantizer.network))
        return quantizer.blame(recipe, target.scheme, given)

    @override
    def propose(self, prepared: Prepared, target: Target, recipe: Recipe, what: Proposal) -> Recipe:
        return _demanded(prepared).quantizer(target.scheme).propose(recipe, target.scheme, what)

    @override
    def quantized(self, prepared: Prepared, target: Target, recipe: Recipe) -> Quantized:
        return _demanded(prepared).quantizer(target.scheme).quantize(recipe, target.scheme).quantized

    @override
    def draft(self, job: Job, targets: Sequence[Target]) -> tuple[Draft, ...]:
        """Legalize once, and quantize with placeholders for each target."""
        from dlpuconv.plugin.onnx import optimized, view_of
        from dlpuconv.plugin.quantization import quantize_blindly

        made = _prepared(job)
        drafts = []
        for target in targets:
            refuse_scheme(target)
            refuse_impossible(job, target)
            network = OnnxNetwork(made.graph, target.scheme.activation_codes)
            inputs = prescribed_inputs(job.bindings, network.coding.type)
            blind = quantize_blindly(network, target.scheme, inputs, job.names)
            split, layers = _finished(emit(blind, drafted=True), job)
            view = replace(view_of(split.proto, split.weights), optimizer=partial(optimized, split))
            drafts.append(Draft(view=view, layers=layers, rewritten=made.rewritten))
        return tuple(drafts)


def _prepared(job: Job) -> QdqPrepared:
    refuse_unknown(job)
    legal, rewritten = legalize(job.model)
    graph = OnnxGraph.of(in_opset(legal, job.interface.opset))
    return QdqPrepared(job=job, graph=graph, rewritten=rewritten)


def _demanded(prepared: Prepared) -> QdqPrepared:
    if not isinstance(prepared, QdqPrepared):
        raise TypeError(f"the onnx-qdq backend knows nothing of a {type(prepared).__name__}")
    return prepared


def _realized(quantized: Quantized) -> IntegerNetwork:
    return IntegerNetwork(emit(quantized))


def _orders(network: Network) -> dict[str, tuple[int, ...]]:
    """Orders of the axes of the network's inputs that have their channels last."""
    return {value.name: last_order(len(value.shape), place_of(value).axis) for value in network.inputs}


def _finished(emitted: Emitted, job: Job) -> tuple[Split, tuple[LayerNames, ...]]:
    """The file in two parts, without what exporters and passes left in it, and the names of its nodes.

    Raises:
        BackendError: ONNX does not accept it.
    """
    from dlpuconv.plugin.onnx import LostError, ModelRefusedError, check_model, graph_layers

    split = emitted.graph.split()
    layers = graph_layers(split.to_graph().graph, job.names)
    for node in split.proto.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    try:
        check_model(split.declared(), full=True)
    except (ModelRefusedError, LostError) as error:
        raise BackendError(
            f"the QDQ file is not valid ONNX: {str(error).splitlines()[0]}", id="backend-file-invalid"
        ) from error
    return split, layers


def _content(network: Split) -> bytes:
    """The file's bytes.

    Raises:
        BackendError: they are too many.
    """
    content = b"".join(network.serialized())
    if len(content) > _LARGEST:
        raise BackendError(
            f"the file would have {len(content)} bytes, and an ONNX file holds {_LARGEST} at most",
            id="backend-file-too-large",
        )
    return content
