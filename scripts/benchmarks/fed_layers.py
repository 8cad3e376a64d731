"""Layers of a file beside those of its quantized source, each fed the codes that the file has in front of it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir

from dlpuconv.formats.detect import read, tracer
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.inspection.roles import weights_of
from dlpuconv.ir.affine import IntegerType
from dlpuconv.ir.fake_quantized import fake_quantized
from dlpuconv.quantization.stated.recoding import recoded
from dlpuconv.scheme import Coding
from dlpuconv.verification.correspondence import Counterpart, counterparts
from dlpuconv.verification.translate import from_artifact, to_artifact

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlpuconv.calibration import Sample
    from dlpuconv.formats import FileView
    from dlpuconv.ir import Links, Model
    from scripts.benchmarks.shared import Array

_FED = "__fed"


@dataclass(frozen=True, slots=True)
class LayerSteps:
    """How far a layer's codes are from the source's.

    Attributes:
        name: of the value in the source.
        op: that makes it in the file.
        most: steps.
        equal: share of the codes.
    """

    name: str
    op: str
    most: int
    equal: float


def fed_layers(model: Model, file: Path, links: Links, samples: Iterable[Sample]) -> list[LayerSteps]:
    """Compare every activation whose scale the file keeps, but for layers whose weights are fitted anew.

    All that the file rounds is fed, whether the source rounds it or not. Left out is also what the file computes in one
    layer and the source in several, each rounded: no codes can be fed to those in between.

    Args:
        model: quantized, as it was read.
        file: made from it.
        links: of the file, whose inputs take values as the source does.
        samples: of the source.
    """
    view, graph = read(file), fake_quantized(model)
    values = onnx_ir.convenience.create_value_mapping(graph.graph)
    computed = (each for each in values.values() if each.producer() is not None)
    shapes = {str(v.name): tuple(v.shape.numpy()) for v in computed if v.shape is not None and v.shape.is_static()}
    found = [pair for pair in counterparts(view, shapes) if pair.layer.op != "QUANTIZE"]  # the layer in front is meant
    pairs = {pair.source: pair for pair in found if pair.tensor.quantization is not None}
    _feed(graph.graph, [values[name] for name in pairs])
    kept = [pair for pair in pairs.values() if _keeps(pair, model) and not _has_coarser_weights(pair, view, model)]
    compared = [pair.source for pair in kept if not _rounds_within(values[pair.source], model)]
    run = tracer(file, view, [pair.tensor.name for pair in pairs.values()])
    source = OrtRunner(replace(model, graph=graph).split(), "the source, layer by layer", optimize=False)
    apart: dict[str, list[Array]] = defaultdict(list)
    for sample in samples:
        codes = to_artifact(sample, links.inputs, links.bindings)
        run.run(codes)
        real = {p.source_name: from_artifact(codes[p.name], p) for p in links.inputs}
        real |= {name: _in_source(run.value(pair.tensor), pair, shapes[name]) for name, pair in pairs.items()}
        fed = {str(v.name): real[str(v.name).removesuffix(_FED)] for v in graph.graph.inputs}
        made = source.run({name: np.asarray(each, np.float32) for name, each in fed.items()})
        for name in compared:
            step = model.scales.activations[name].affine.scale
            apart[name].append(np.abs(np.rint((np.asarray(made[name], np.float64) - real[name]) / step)).reshape(-1))
    steps = {name: np.concatenate(each) for name, each in apart.items()}
    return [
        LayerSteps(name, pairs[name].layer.op, int(each.max()), float((each == 0).mean()))
        for name, each in steps.items()
    ]


def _feed(graph: onnx_ir.Graph, values: Iterable[onnx_ir.Value]) -> None:
    """Make values outputs, and let their readers read inputs instead."""
    for value in values:
        fed = onnx_ir.Value(name=f"{value.name}{_FED}", shape=value.shape, type=value.type)
        for use in list(value.uses()):
            use.node.replace_input_with(use.idx, fed)
        if fed.uses():
            graph.inputs.append(fed)
        if not value.is_graph_output():
            graph.outputs.append(value)


def _rounds_within(value: onnx_ir.Value, model: Model) -> bool:
    """Whether something is rounded on the way from what is fed to a value, in other scales than at either end."""
    stated = {name: said for name, said in model.scales.activations.items() if name != value.name}
    waiting, seen = [value], {value}
    while waiting:
        node = waiting.pop().producer()
        read = set() if node is None else {each for each in node.inputs if each is not None} - seen
        waiting += read
        seen |= read
    names = {str(each.name) for each in seen if not each.is_graph_input()}
    ends = {stated.get(str(each.name).removesuffix(_FED)) for each in seen if each.is_graph_input()}
    ends.add(model.scales.activations[str(value.name)])
    return any(stated[name] not in ends for name in names & stated.keys())


def _keeps(pair: Counterpart, model: Model) -> bool:
    stated, found = model.scales.activations.get(pair.source), pair.tensor.quantization
    if stated is None or found is None:
        return False
    return recoded(stated, Coding(type=IntegerType.named(pair.tensor.dtype))) == found.first


def _has_coarser_weights(pair: Counterpart, view: FileView, model: Model) -> bool:
    """Whether its weights have one scale beside a source that has several in a layer."""
    weights = weights_of(view, pair.layer)
    whole = weights is not None and weights.quantization is not None and not weights.quantization.per_channel
    return whole and any(stated.affine.per_channel for stated in model.scales.weights.values())


def _in_source(codes: Array, pair: Counterpart, shape: tuple[int, ...]) -> Array:
    """Real values in the source's order of axes."""
    assert pair.tensor.quantization is not None
    order, long = pair.orders[0], [extent for extent in shape if extent != 1]
    real = pair.tensor.quantization.first.decode(codes).reshape([long[axis] for axis in order])
    return real.transpose(np.argsort(order)).reshape(shape)
