"""RELU(CONV_2D(x)) -> CONV_2D(x) with a fused RELU, and so for RELU6, RELU_N1_TO_1 and all operators that fuse them.

A RELU behind operators that only move values (or take their maximum) is fused in front of them, in every branch.
Pools and CONCATENATION never get a fused activation: the Edge TPU has none there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.uses import Uses

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

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
        producers = _producers(op.input(0), ACTIVATIONS[op.kind], uses)
        if producers is None:
            continue
        for producer in producers:
            producer.options.fusedActivationFunction = _TOGETHER[_fused(producer), ACTIVATIONS[op.kind]]
        last = uses.producer(op.input(0))
        if last is not None:
            last.outputs[0] = op.output
            uses.absorbed(op, last)
        gone.append(op)
    graph.remove(gone)
    return len(gone)


def _fused(op: Operator) -> int:
    return int(op.options.fusedActivationFunction)


def _producers(tensor: Tensor, activation: int, uses: Uses) -> list[Operator] | None:
    """The operators that would all have to fuse the activation; None where one cannot."""
    before = uses.sole_producer(tensor)
    if before is None:
        return None
    if before.kind in _COMMUTING:
        return _producers(before.input(0), activation, uses)
    if before.kind == "CONCATENATION":
        parts = [None if t is None else _producers(t, activation, uses) for t in before.inputs]
        return None if None in parts else [p for part in parts if part is not None for p in part]
    return [before] if before.kind in _FUSING and (_fused(before), activation) in _TOGETHER else None
