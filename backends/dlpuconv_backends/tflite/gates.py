"""Gates: which products y = x g(x) a float graph has, and a depthwise layer between x and what makes g(x) of it.

HARD_SWISH(x) = x RELU6(x + 3) / 6 becomes MUL(t, DEPTHWISE_CONV_2D(t, 6, 3) with RELU6) of t = x / 6, so that the sixth
costs no operator: it goes into the layer that makes x.
MUL(x, f(x)), such as a SiLU, becomes MUL(x, f(DEPTHWISE_CONV_2D(x, 1, 0))); a curve RELU6(x + 3) is fused behind it,
and where x is MAXIMUM(m, -3) in front of that, as in a HARD_SWISH that is spelled out, m, which says the same, is read.
A gate that reads x through such a layer already, as a module trained with one does, is separate as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.edit import like, mul

if TYPE_CHECKING:
    from collections.abc import Mapping

MAP_RANK = 4
_RELU6 = 3
"""Values of TFLite's ActivationFunctionType."""
_VALID = 1
"""A value of TFLite's Padding."""
_LONGEST = 4
"""Operators between x and its product."""
SIXTH = 1 / 6
_OF_TWO = frozenset({"ADD", "MUL", "MINIMUM", "MAXIMUM"})
_CURVES = frozenset({"LOGISTIC", "TANH", "RELU", "RELU6", "RELU_0_TO_1", "HARD_SWISH"})


@dataclass(frozen=True, slots=True)
class TFLiteGate:
    """A gate of the TFLite graph.

    Attributes:
        product: makes y: a HARD_SWISH, or a MUL.
        first: what reads x to make g(x): the HARD_SWISH itself, or the first operator of a chain to the MUL.
        x: what is gated.
        bound: a MAXIMUM of x that both read instead, and that changes nothing.
    """

    product: Operator
    first: Operator
    x: Tensor
    bound: Operator | None = None

    @property
    def divides(self) -> bool:
        """Whether x becomes a sixth of itself."""
        return self.product is self.first

    @property
    def is_separate(self) -> bool:
        """Whether the gate has a layer of its own already."""
        return _is_depthwise(self.first)


def gates_of(graph: Graph) -> dict[Tensor, TFLiteGate]:
    """The gates of a float graph by y."""
    makers, readers = graph.producers(), graph.consumers()
    found = {}
    for op in graph.operators:
        gate = _gate(op, makers, readers)
        if gate is None or len(gate.x.shape) != MAP_RANK or (gate.divides and gate.x in graph.outputs):
            continue
        if gate.bound is not None and gate.bound.output in graph.outputs:
            gate = replace(gate, x=gate.bound.output, bound=None)
        found[op.output] = gate
    return found


def separated(graph: Graph, gates: Mapping[Tensor, TFLiteGate]) -> list[Operator]:
    """The operators with a depthwise layer in front of each of these gates; what makes an x stays as it is."""
    instead: dict[Operator, list[Operator]] = {}
    for gate in gates.values():
        if gate.is_separate:
            continue
        instead[gate.first] = _separate(gate)
        if gate.bound is not None:
            instead |= {gate.bound: [], gate.product: [_reading(gate.product, gate.bound.output, gate.x)]}
    return [new for op in graph.operators for new in instead.get(op, [op])]


def _gate(
    op: Operator, makers: Mapping[Tensor, Operator], readers: Mapping[Tensor, list[Operator]]
) -> TFLiteGate | None:
    if op.kind == "HARD_SWISH":
        x = op.input(0)
        alone = readers[x] == [op] and x in makers
        return TFLiteGate(op, op, x) if alone else None
    if op.kind != "MUL":
        return None
    for x, g in ((op.input(0), op.input(1)), (op.input(1), op.input(0))):
        first = None if x is g or x.is_constant else _first(g, x, makers, readers)
        if first is not None and x in makers:
            bound = _bound(makers[x], (first, op), readers)
            seen = x if bound is None else bound.input(0)
            return TFLiteGate(op, first, seen, bound) if seen in makers else TFLiteGate(op, first, x)
    return None


def _bound(op: Operator, gated: tuple[Operator, Operator], readers: Mapping[Tensor, list[Operator]]) -> Operator | None:
    """The MAXIMUM whose bound is where the gate of those who read it, and of nobody else, comes to 0."""
    added, bounds = _added(gated[0]), [t.data for t in op.inputs if t is not None and t.data is not None]
    if op.kind != "MAXIMUM" or added is None or len(bounds) != 1 or set(readers[op.output]) != set(gated):
        return None
    closes = op.input(1).is_constant and (bounds[0] == -added).all() and _keeps_zero(*gated, readers)
    return op if closes else None


def _keeps_zero(first: Operator, product: Operator, readers: Mapping[Tensor, list[Operator]]) -> bool:
    """Whether the chain that leads from the first operator of a gate to its product only multiplies."""
    (op,) = readers[first.output]
    while op is not product and op.kind == "MUL":
        (op,) = readers[op.output]
    return op is product


def _first(
    g: Tensor, x: Tensor, makers: Mapping[Tensor, Operator], readers: Mapping[Tensor, list[Operator]]
) -> Operator | None:
    """The first operator of the chain of curves of single values that makes g of x; None where there is none."""
    at = g
    for _ in range(_LONGEST):
        op = makers.get(at)
        source = None if op is None or len(readers[at]) != 1 else _source(op, x)
        if op is None or source is None or source.shape != g.shape:
            return None
        if source is x:
            return op
        at = source
    return None


def _source(op: Operator, x: Tensor) -> Tensor | None:
    """The one activation that a curve of single values reads, or a layer that is a gate's own: that of `x`."""
    if op.kind in _CURVES or (_is_depthwise(op) and op.input(0) is x):
        return op.input(0)
    read = [t for t in op.inputs if t is not None and not t.is_constant]
    return read[0] if op.kind in _OF_TWO and len(read) == 1 else None


def _is_depthwise(op: Operator) -> bool:
    """Whether the operator multiplies every channel by a constant, and adds a constant."""
    alone = op.kind == "DEPTHWISE_CONV_2D" and op.options.strideH == op.options.strideW == 1
    return alone and all(t is None or t.is_constant for t in op.inputs[1:]) and op.input(1).shape[1:3] == (1, 1)


def _separate(gate: TFLiteGate) -> list[Operator]:
    op, x, name = gate.first, gate.x, gate.first.source_name
    if gate.divides:
        gated = like(op.output, "gate")
        return [depthwise(x, gated, (6.0, 3.0), name, _RELU6), mul(x, gated, op.output, name)]
    if (added := _added(op)) is not None:
        return [depthwise(x, op.output, (1.0, added), name, int(op.options.fusedActivationFunction))]
    gated = like(gate.product.output, "gate")
    return [depthwise(x, gated, (1.0, 0.0), name), _reading(op, x, gated)]


def _reading(op: Operator, old: Tensor, new: Tensor) -> Operator:
    """The operator with another tensor in the place of one that it reads."""
    inputs = [new if t is old else t for t in op.inputs]
    return Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name)


def _added(op: Operator) -> float | None:
    """The number that is added before a RELU6; None for other operators."""
    known = [t.data for t in op.inputs if t is not None and t.data is not None and t.data.size == 1]
    fits = op.kind == "ADD" and known and int(op.options.fusedActivationFunction) == _RELU6
    return float(known[0].reshape(-1)[0]) if fits else None


def depthwise(x: Tensor, made: Tensor, factor_and_sum: tuple[float, float], name: str, activation: int = 0) -> Operator:
    """A layer that multiplies every value by one number and adds another one."""
    factor, summand = factor_and_sum
    options = schema.DepthwiseConv2DOptionsT()
    options.padding, options.depthMultiplier, options.fusedActivationFunction = _VALID, 1, activation
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    channels = x.shape[-1]
    weights = Tensor.constant(f"{made.name}_weights", np.full((1, 1, 1, channels), factor, np.float32))
    bias = Tensor.constant(f"{made.name}_bias", np.full(channels, summand, np.float32))
    return Operator("DEPTHWISE_CONV_2D", [x, weights, bias], [made], options, name)
