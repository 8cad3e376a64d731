"""Chains of RESHAPE, TRANSPOSE, SLICE that pick channels -> GATHER on the last axis, or SLICE of neighbours.

    RESHAPE [1,H,W,C] -> [1,H,W,2,C/2]; TRANSPOSE; RESHAPE -> [1,H,W,C]      a channel shuffle
    RESHAPE [1,H,W,C] -> [1,H,W,C/2,2]; SLICE [..., 1]; RESHAPE              every second channel
    STRIDED_SLICE [..., ::2]                                                 the same

Which channels a chain picks is not matched but computed: the chain is applied to the numbers of the elements.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.constants import constant_input, ints
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph

_LONGEST = 6
LARGEST = 1 << 24  # elements: their numbers take 64 MB
MOVES = frozenset(("RESHAPE", "TRANSPOSE", "SLICE", "STRIDED_SLICE", "GATHER"))


def find_channel_gathers(graph: Graph) -> int:
    """Rewrite in place; how many chains were found. What nobody reads any more is left for `drop_dead`."""
    uses = Uses(graph)
    found = 0
    for op in list(graph.operators):
        if op.kind not in MOVES or len(op.output.shape) < 3:
            continue
        chain = [op]
        alone = _picked(chain) if op.kind == "STRIDED_SLICE" else None
        if alone is not None:
            _replace(graph, chain, alone)
            found += 1
            continue
        while len(chain) < _LONGEST and (before := uses.producer(chain[0].input(0))) and before.kind in MOVES:
            chain.insert(0, before)
            channels = _picked(chain)
            if channels is not None:
                _replace(graph, chain, channels)
                found += 1
                break
    return found


def _picked(chain: list[Operator]) -> npt.NDArray[np.int64] | None:
    """The channels of the chain's input that its output holds, if it is as simple as that."""
    source, result = chain[0].input(0), chain[-1].output
    if (
        source.shape[:-1] != result.shape[:-1]
        or prod(source.shape) > LARGEST
        or any(len(op.input(0).shape) == 0 for op in chain)
    ):
        return None
    numbers: npt.NDArray[Any] | None = np.arange(prod(source.shape), dtype=np.int32).reshape(source.shape)
    for op in chain:
        numbers = None if numbers is None else moved(op, numbers)
    if numbers is None or numbers.shape != result.shape:
        return None
    rows = numbers.reshape(-1, result.shape[-1])
    channels = rows[0].astype(np.int64)
    starts = np.arange(rows.shape[0], dtype=np.int64)[:, None] * source.shape[-1]
    inside = bool(np.all(channels < source.shape[-1]))
    return channels if inside and np.array_equal(rows, starts + channels) else None


def moved(op: Operator, numbers: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    """What an operator of MOVES makes of an array; None for operands that are not constant and other exceptions."""
    if op.kind == "RESHAPE":
        return numbers.reshape(op.output.shape) if numbers.size == prod(op.output.shape) else None
    if any(constant_input(op, i) is None for i in range(1, len(op.inputs))):
        return None
    if op.kind == "TRANSPOSE":
        return numbers.transpose(ints(op.input(1)))
    if op.kind == "GATHER":
        indices = constant_input(op, 1)
        return None if op.options.batchDims or indices is None else np.take(numbers, indices, axis=op.options.axis)
    if op.kind == "SLICE":
        begin, size = ints(op.input(1)), ints(op.input(2))
        return numbers[tuple(slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))]
    return _strided(op, numbers)


def _strided(op: Operator, numbers: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    options = op.options
    if options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask or options.offset:
        return None
    begin, end, strides = (ints(op.input(i)) for i in (1, 2, 3))
    cut = [
        slice(None if options.beginMask >> i & 1 else b, None if options.endMask >> i & 1 else e, s)
        for i, (b, e, s) in enumerate(zip(begin, end, strides, strict=True))
    ]
    return numbers[tuple(cut)]


def _replace(graph: Graph, chain: list[Operator], channels: npt.NDArray[np.int64]) -> None:
    last = chain[-1]
    new = pick(chain[0].input(0), channels, last.output, last.source_name)
    graph.operators[graph.operators.index(last)] = new


def pick(source: Tensor, channels: npt.NDArray[np.int64], result: Tensor, name: str) -> Operator:
    """Make result = source[..., channels]: a SLICE where they are neighbours in order, else a GATHER."""
    if np.array_equal(channels, np.arange(channels[0], channels[0] + channels.size)):
        begin = np.zeros(len(source.shape), np.int32)
        begin[-1] = channels[0]
        operands = (begin, np.array(result.shape, np.int32))
        tensors = [Tensor.constant(f"{result.name}/{k}", v) for k, v in zip(("begin", "size"), operands, strict=True)]
        return Operator("SLICE", [source, *tensors], [result], schema.SliceOptionsT(), name)
    options = schema.GatherOptionsT()
    options.axis = len(source.shape) - 1
    indices = Tensor.constant(f"{result.name}/channels", channels.astype(np.int32))
    return Operator("GATHER", [source, indices], [result], options, name)
