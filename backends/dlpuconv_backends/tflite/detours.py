"""Detours: some readers of an activation get it through a depthwise layer of weights 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.plugin.quantization import CannotError, detour_name
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.gates import MAP_RANK, depthwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def detoured(graph: Graph, readers: Mapping[Tensor, Sequence[int]]) -> list[Operator]:
    """The operators, with a layer in front of the first of each activation's readers that take the detour.

    Raises:
        CannotError: a depthwise layer cannot read an activation.
    """
    if flat := [x.name for x in readers if len(x.shape) != MAP_RANK]:
        raise CannotError(f"{flat[0]!r} is not a map of features, as depthwise layers read")
    consumers = graph.consumers()
    made = {x: Tensor(detour_name(x.name), x.shape, x.dtype) for x in readers}
    detours: dict[Operator, list[Tensor]] = {}
    for x, places in readers.items():
        for place in places:
            detours.setdefault(consumers[x][place], []).append(x)
    found: list[Operator] = []
    waiting = set(readers)
    for op in graph.operators:
        through = detours.get(op, [])
        found += [depthwise(x, made[x], (1.0, 0.0), op.source_name) for x in through if x in waiting]
        waiting.difference_update(through)
        inputs = [made[t] if t is not None and t in through else t for t in op.inputs]
        found.append(Operator(op.kind, inputs, list(op.outputs), op.options, op.source_name) if through else op)
    return found
