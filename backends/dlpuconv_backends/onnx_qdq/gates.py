"""Gates: which products y = x g(x) a graph has, and a depthwise layer between x and what makes g(x) of it.

HardSwish(x) = x Clip(x + 3, 0, 6) / 6 becomes Mul(t, Clip(Conv(t, 6, 3), 0, 6)) of t = x / 6, whose sixth goes into the
layer that makes x. Mul(x, Sigmoid(x)) becomes Mul(x, Sigmoid(Conv(x, 1, 0))). A gate that reads x through such a layer
already, as a module trained with one does, is separate as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from dlpuconv_backends.onnx_qdq.graph import FLOAT, Kind, Namer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

MAP_RANK = 4
SIXTH = 1 / 6
_CURVES = ("Sigmoid", "Clip")


@dataclass(frozen=True, slots=True)
class OnnxGate:
    """A gate of the ONNX graph.

    Attributes:
        first: what reads x to make g(x): a HardSwish, the Sigmoid of a product, or a layer of the gate's own.
        x: name of what is gated.
    """

    first: onnx.NodeProto
    x: str

    @property
    def is_separate(self) -> bool:
        """Whether the gate has a layer of its own already."""
        return bool(self.first.op_type == "Conv")

    @property
    def divides(self) -> bool:
        """Whether x becomes a sixth of itself."""
        return bool(self.first.op_type == "HardSwish")


def gates_of(graph: OnnxGraph) -> dict[str, OnnxGate]:
    """The gates of a float graph by the name of y."""
    found = {}
    for node in graph.nodes:
        gate = _gate(graph, node)
        if gate is not None and gate.x in graph.makers and len(graph.kinds[gate.x].shape) == MAP_RANK:
            found[node.output[0]] = gate
    return found


def separated(graph: OnnxGraph, gates: Mapping[str, OnnxGate]) -> OnnxGraph:
    """The graph with a depthwise layer in front of each of these gates; what makes an x stays as it is."""
    first = {id(gate.first): (y, gate) for y, gate in gates.items() if not gate.is_separate}
    edit = Edit(graph)
    for node in graph.nodes:
        found = first.get(id(node))
        if found is None:
            edit.nodes.append(node)
        else:
            edit.separate(*found)
    return edit.made(graph)


def _gate(graph: OnnxGraph, node: onnx.NodeProto) -> OnnxGate | None:
    if node.op_type == "HardSwish":
        return OnnxGate(node, node.input[0]) if graph.only_reader(node.input[0]) is node else None
    if node.op_type != "Mul":
        return None
    for x, g in (node.input, node.input[::-1]):
        maker = graph.makers.get(g)
        if maker is None or maker.op_type not in _CURVES or graph.only_reader(g) is not node:
            continue
        if maker.op_type == "Sigmoid" and maker.input[0] == x:
            return OnnxGate(maker, x)
        layer = graph.makers.get(maker.input[0])
        if layer is not None and _is_depthwise(graph, layer) and layer.input[0] == x:
            return OnnxGate(layer, x) if graph.only_reader(layer.output[0]) is maker else None
    return None


def _is_depthwise(graph: OnnxGraph, node: onnx.NodeProto) -> bool:
    """Whether the node multiplies every channel by a constant, and adds a constant."""
    weights = graph.constants.get(node.input[1]) if node.op_type == "Conv" else None
    flat = weights is not None and weights.shape == (graph.kinds[node.input[0]].shape[1], 1, 1, 1)
    return flat and graph.kinds[node.output[0]].shape == graph.kinds[node.input[0]].shape


class Edit:
    """A graph in the making."""

    def __init__(self, graph: OnnxGraph) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.kinds, self.constants = dict(graph.kinds), dict(graph.constants)
        self._name = Namer(graph.kinds)

    def made(self, graph: OnnxGraph) -> OnnxGraph:
        """The graph that it was begun with, as it is now."""
        return replace(graph, nodes=tuple(self.nodes), kinds=self.kinds, constants=self.constants)

    def separate(self, y: str, gate: OnnxGate) -> None:
        """Append the gate's layer and what reads it."""
        node, x = gate.first, gate.x
        if not gate.divides:
            reads = self.depthwise(node, x, self._name(f"{y}_gate"), (1.0, 0.0))
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[:] = [reads]
            self.nodes.append(copy)
            return
        summed = self.depthwise(node, x, self._name(f"{y}_sum"), (6.0, 3.0))
        gated = self._name(f"{y}_gate")
        self.kinds[gated] = self.kinds[x]
        bounds = [self._constant(f"{gated}_{end}", np.array(end, np.float32)) for end in (0.0, 6.0)]
        self._append(node, "Clip", [summed, *bounds], gated)
        self._append(node, "Mul", [x, gated], y)

    def depthwise(self, like: onnx.NodeProto, x: str, made: str, factor_and_sum: tuple[float, float]) -> str:
        """Append a layer that multiplies every value by one number and adds another one; returns what it makes."""
        channels = self.kinds[x].shape[1]
        factor, summand = factor_and_sum
        weights = self._constant(f"{made}_weights", np.full((channels, 1, 1, 1), factor, np.float32))
        bias = self._constant(f"{made}_bias", np.full(channels, summand, np.float32))
        self.kinds[made] = self.kinds[x]
        self._append(like, "Conv", [x, weights, bias], made, {"group": channels, "kernel_shape": [1, 1]})
        return made

    def _append(
        self, like: onnx.NodeProto, kind: str, reads: list[str], made: str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        name = self._name(f"{like.name}/{kind}")
        node = onnx.helper.make_node(kind, reads, [made], name, **(attributes or {}))
        node.metadata_props.extend(like.metadata_props)
        self.nodes.append(node)

    def _constant(self, hint: str, values: npt.NDArray[np.float32]) -> str:
        name = self._name(hint)
        self.kinds[name], self.constants[name] = Kind(values.shape, FLOAT), values
        return name
