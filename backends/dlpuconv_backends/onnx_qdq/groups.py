"""What of a graph is one operator to the quantizer: a layer with its bias and clip, or floats among themselves.

conv(x, w, b) -> relu is one QLinearConv; matmul(x, w) + b is one QGemm. What ONNX Runtime has no integer kernel for is
gathered, together with arithmetic between such operators, in islands of one output each: a normalization, a swish.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.onnx_qdq.graph import attribute
from dlpuconv_backends.onnx_qdq.operators import FORMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

LAYERS = frozenset({"Conv", "Gemm", "MatMul"})
"""Operators that multiply by weights, as far as there are integer kernels."""
_ARITHMETIC = frozenset({"Add", "Mul"})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FusedGroup:
    """Nodes that are quantized as one.

    Attributes:
        nodes: in their order; the last one makes the outputs.
        layer: the first one multiplies with constant weights.
        bias: the constant that a layer adds; empty where it adds none.
        clip: the last one, where it is a Relu or Clip behind a layer.
        integer: ONNX Runtime computes it on codes.
    """

    nodes: tuple[onnx.NodeProto, ...]
    layer: bool = False
    bias: str = ""
    clip: onnx.NodeProto | None = None
    integer: bool

    @property
    def kind(self) -> str:
        """What people call it: a layer by the operator that multiplies, an island by all of its own."""
        return self.nodes[0].op_type if self.layer else "+".join(node.op_type for node in self.nodes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What others read of it."""
        return tuple(name for name in self.nodes[-1].output if name)


def group(graph: OnnxGraph, axes: Mapping[str, int]) -> tuple[FusedGroup, ...]:
    """All nodes of a legal graph, each in one group, in an order in which they can run.

    Args:
        graph: legal.
        axes: the channel axis of each float activation.
    """
    layers = {id(node): _layer(graph, node) for node in graph.nodes if weights_of(graph, node)}
    layers = {at: found for at, found in layers.items() if _is_along_channels(graph, found, axes)}
    inside = {id(node) for found in layers.values() for node in found.nodes}
    integers = {id(node) for node in graph.nodes if id(node) in inside or has_integer_form(graph, node)}
    islands = _islands(graph, integers, inside)
    inside |= {id(node) for members in islands for node in members}
    found = [
        *layers.values(),
        *(FusedGroup(nodes=members, integer=False) for members in islands),
        *(FusedGroup(nodes=(node,), integer=True) for node in graph.nodes if id(node) not in inside),
    ]
    return _sorted(graph, found)


def weights_of(graph: OnnxGraph, node: onnx.NodeProto) -> str:
    """The weights of what becomes an integer layer; empty for other nodes."""
    if node.op_type not in LAYERS or node.input[0] in graph.constants:
        return ""
    name = node.input[1]
    if name not in graph.constants or not graph.is_float(name):
        return ""
    if node.op_type == "MatMul":
        return str(name) if graph.constants[name].ndim == 2 else ""
    if node.op_type == "Gemm":
        plain = attribute(node, "alpha", 1.0) == attribute(node, "beta", 1.0) == 1.0
        return str(name) if plain and not attribute(node, "transA", 0) else ""
    return str(name)


def has_integer_form(graph: OnnxGraph, node: onnx.NodeProto) -> bool:
    """Whether ONNX Runtime computes a node on codes that is no layer."""
    form = FORMS.get(node.op_type)
    data = 1 if node.op_type == "Where" else 0
    if form is None or node.domain or not graph.is_float(node.input[data]):
        return False
    if node.op_type == "Resize":
        return str(attribute(node, "mode", "nearest")) == "nearest"
    if node.op_type in ("Conv", "Gemm"):
        return False  # of computed weights
    if node.op_type == "MaxPool":
        return len(node.output) == 1
    if node.op_type == "AveragePool":
        return attribute(node, "dilations") is None
    return node.op_type not in ("Relu", "Clip") or clip_bounds(graph, node) is not None


def clip_bounds(graph: OnnxGraph, node: onnx.NodeProto) -> tuple[float, float] | None:
    """What a Relu or Clip lets through; None for other nodes, and for bounds that are computed."""
    if node.op_type == "Relu":
        return 0.0, np.inf
    if node.op_type != "Clip":
        return None
    bounds = [-np.inf, np.inf]
    for position, name in enumerate(node.input[1:3]):
        if name and name not in graph.constants:
            return None
        if name:
            bounds[position] = float(graph.constants[name].reshape(()))
    return bounds[0], bounds[1]


def _layer(graph: OnnxGraph, node: onnx.NodeProto) -> FusedGroup:
    nodes = [node]
    bias = node.input[2] if len(node.input) > 2 and node.input[2] in graph.constants else ""
    if node.op_type == "MatMul":
        behind = graph.only_reader(node.output[0])
        bias = _added(graph, node, behind) if behind is not None else ""
        if behind is not None and bias:
            nodes.append(behind)
    clip = graph.only_reader(nodes[-1].output[0])
    bounds = None if clip is None else clip_bounds(graph, clip)
    if clip is None or bounds is None or bounds[0] != 0.0:
        return FusedGroup(nodes=tuple(nodes), layer=True, bias=bias, integer=True)
    return FusedGroup(nodes=(*nodes, clip), layer=True, bias=bias, clip=clip, integer=True)


def _is_along_channels(graph: OnnxGraph, found: FusedGroup, axes: Mapping[str, int]) -> bool:
    """False for a product of matrices along another axis than that of the channels, such as a map's width."""
    if found.nodes[0].op_type != "MatMul":
        return True
    ends = (found.nodes[0].input[0], found.nodes[-1].output[0])
    return all(axes[name] in (-1, len(graph.kinds[name].shape) - 1) for name in ends)


def _added(graph: OnnxGraph, product: onnx.NodeProto, behind: onnx.NodeProto) -> str:
    """The bias in matmul(x, w) + b; empty where something else is added."""
    if behind.op_type != "Add":
        return ""
    other = next((name for name in behind.input if name != product.output[0]), "")
    rows = graph.kinds[product.output[0]].shape[-1]
    fits = other in graph.constants and graph.constants[other].size == graph.constants[other].shape[-1:][0] == rows
    return other if fits and graph.kinds[behind.output[0]] == graph.kinds[product.output[0]] else ""


def _islands(graph: OnnxGraph, integers: set[int], inside: set[int]) -> list[tuple[onnx.NodeProto, ...]]:
    """Float operators, and arithmetic that has to do with nothing else; each set has one node that others read."""
    position = {id(node): at for at, node in enumerate(graph.nodes)}
    ends, free = _floating(graph, integers, inside), {id(n) for n in graph.nodes} - (integers - _arithmetic(graph))
    found: list[tuple[onnx.NodeProto, ...]] = []
    taken = set(inside)
    for node in reversed(graph.nodes):
        if id(node) in taken or id(node) not in ends:
            continue
        members = {id(node): node}
        pending = [node]
        while pending:
            made_by = [graph.makers.get(name) for name in pending.pop().input]
            more = [m for m in made_by if m is not None and id(m) in free - taken and id(m) not in members]
            fits = {id(m): m for m in more if _read_by(graph, m, members)}
            members |= fits
            # what was not taken for the sake of another reader is looked at again, should that one join
            pending += [*fits.values(), *(list(members.values()) if fits else [])]
        if any(member not in integers for member in members):
            taken.update(members)
            found.append(tuple(sorted(members.values(), key=lambda member: position[id(member)])))
    return found


def _arithmetic(graph: OnnxGraph) -> set[int]:
    return {id(node) for node in graph.nodes if node.op_type in _ARITHMETIC}


def _floating(graph: OnnxGraph, integers: set[int], inside: set[int]) -> set[int]:
    """Float operators, and arithmetic that reads nothing but those and constants."""
    found: set[int] = set()
    for node in graph.nodes:
        made_by = [graph.makers.get(name) for name in node.input if name not in graph.constants]
        behind = all(m is not None and id(m) in found for m in made_by)
        if id(node) not in integers or (node.op_type in _ARITHMETIC and id(node) not in inside and behind):
            found.add(id(node))
    return found


def _read_by(graph: OnnxGraph, node: onnx.NodeProto, members: dict[int, onnx.NodeProto]) -> bool:
    """Whether nobody else reads a node."""
    names = [name for name in node.output if name]
    readers = [reader for name in names for reader in graph.readers.get(name, [])]
    return all(id(r) in members for r in readers) and not any(name in graph.outputs for name in names)


def _sorted(graph: OnnxGraph, groups: list[FusedGroup]) -> tuple[FusedGroup, ...]:
    """By the last node of each: whoever reads from it lies behind that."""
    position = {id(node): at for at, node in enumerate(graph.nodes)}
    return tuple(sorted(groups, key=lambda found: position[id(found.nodes[-1])]))
