"""RELU(CONV_2D(x)) -> CONV_2D(x) with a fused RELU, and so for RELU6, RELU_N1_TO_1 and all operators that fuse them.

A RELU behind an operator that only moves values (or takes their maximum) is first moved in front of it. Pools and
CONCATENATION never get a fused activation: the Edge TPU has none there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator

_KIND = schema.ActivationFunctionType
ACTIVATIONS = {"RELU": _KIND.RELU, "RELU6": _KIND.RELU6, "RELU_N1_TO_1": _KIND.RELU_N1_TO_1}
_FUSING = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "SUB", "MUL", "DIV"))
_COMMUTING = frozenset(("MAX_POOL_2D", "RESHAPE", "TRANSPOSE", "DEPTH_TO_SPACE", "RESIZE_NEAREST_NEIGHBOR"))
# (already fused, to fuse): what both together are
_TOGETHER = {
    (_KIND.NONE, _KIND.RELU): _KIND.RELU,
    (_KIND.NONE, _KIND.RELU6): _KIND.RELU6,
    (_KIND.NONE, _KIND.RELU_N1_TO_1): _KIND.RELU_N1_TO_1,
    (_KIND.RELU, _KIND.RELU): _KIND.RELU,
    (_KIND.RELU, _KIND.RELU6): _KIND.RELU6,
    (_KIND.RELU6, _KIND.RELU): _KIND.RELU6,
    (_KIND.RELU6, _KIND.RELU6): _KIND.RELU6,
}


def fuse_activations(graph: Graph) -> int:
    """Rewrite in place; how many operators went."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        if op.kind not in ACTIVATIONS:
            continue
        path = _way_to_producer(op, uses)
        if path is None:
            continue
        producer, *between = path
        producer.options.fusedActivationFunction = _TOGETHER[_fused(producer), ACTIVATIONS[op.kind]]
        last = between[-1] if between else producer
        last.outputs[0] = op.output
        gone.append(op)
        graph.remove([op])
        uses = Uses(graph)
    return len(gone)


def _fused(op: Operator) -> int:
    return int(op.options.fusedActivationFunction)


def _way_to_producer(op: Operator, uses: Uses) -> list[Operator] | None:
    """The operator that can fuse the activation, then those between; None where there is none."""
    path: list[Operator] = []
    before = uses.sole_producer(op.input(0))
    while before is not None and before.kind in _COMMUTING:
        path.insert(0, before)
        before = uses.sole_producer(before.input(0))
    if before is None or before.kind not in _FUSING:
        return None
    return [before, *path] if (_fused(before), ACTIVATIONS[op.kind]) in _TOGETHER else None
