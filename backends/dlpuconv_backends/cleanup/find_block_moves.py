"""RESHAPE/TRANSPOSE chains and CONCATENATIONs of strided parts that move blocks -> SPACE_TO_DEPTH, DEPTH_TO_SPACE.

    CONCATENATION(x[::2, ::2], x[1::2, ::2], x[::2, 1::2], x[1::2, 1::2])      the "focus" of YOLO networks
    RESHAPE [1,H,W,C] -> [1,H/2,2,W/2,2,C]; TRANSPOSE; RESHAPE                  a pixel unshuffle
    RESHAPE [1,H,W,C] -> [1,H,W,C/4,2,2]; TRANSPOSE; RESHAPE                    a pixel shuffle

As with channels, what a chain does is computed on the numbers of the elements. Where its order of channels is not
TFLite's, a GATHER makes up for it, which layers absorb.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.find_channel_gathers import LARGEST, MOVES, moved, pick
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph

type Numbers = npt.NDArray[Any]

_DEEPEST = 4


def find_block_moves(graph: Graph) -> int:
    """Rewrite in place; how many were found. What nobody reads any more is left for `drop_dead`."""
    found = 0
    for op in list(graph.operators):
        if op.kind not in ("CONCATENATION", "RESHAPE", "TRANSPOSE") or len(op.output.shape) != 4:
            continue
        for source in _sources(op, Uses(graph)):
            new = _block_move(op, source, Uses(graph))
            if new:
                at = graph.operators.index(op)
                graph.operators[at : at + 1] = new
                found += 1
                break
    return found


def _sources(op: Operator, uses: Uses) -> list[Tensor]:
    """Earlier values of rank 4 with as many elements, through moves only, nearest first."""
    level: set[Tensor] = {t for t in op.inputs if t is not None and not t.is_constant}
    found: list[Tensor] = []
    for _ in range(_DEEPEST):
        if len(level) == 1:
            only = next(iter(level))
            if len(only.shape) == 4 and prod(only.shape) == prod(op.output.shape) and only.shape != op.output.shape:
                found.append(only)
        producers = [uses.producer(t) for t in level]
        if any(p is None or not _is_move(p) for p in producers):
            break
        level = {t for p in producers if p is not None for t in p.inputs if t is not None and not t.is_constant}
    return found


def _is_move(op: Operator) -> bool:
    """A MAX_POOL_2D of 1x1 is a move: it takes every second pixel."""
    single = op.kind == "MAX_POOL_2D" and op.options.filterHeight == op.options.filterWidth == 1
    return op.kind in MOVES or op.kind == "CONCATENATION" or (single and not op.options.fusedActivationFunction)


def _numbers(tensor: Tensor, source: Tensor, uses: Uses) -> Numbers | None:
    """Which element of `source` each element of `tensor` is."""
    if tensor is source:
        return np.arange(prod(source.shape), dtype=np.int32).reshape(source.shape)
    op = uses.producer(tensor)
    if op is None:
        return None
    if op.kind == "CONCATENATION":
        parts = [None if t is None else _numbers(t, source, uses) for t in op.inputs]
        known = [p for p in parts if p is not None]
        return np.concatenate(known, axis=op.options.axis) if len(known) == len(parts) else None
    inner = _numbers(op.input(0), source, uses)
    if inner is None or op.kind != "MAX_POOL_2D":
        return None if inner is None else moved(op, inner)
    return inner[:, :: op.options.strideH, :: op.options.strideW]


def _block_move(op: Operator, source: Tensor, uses: Uses) -> list[Operator]:
    batch, height, width, channels = source.shape
    _, new_height, new_width, new_channels = op.output.shape
    if batch != 1 or prod(source.shape) > LARGEST:
        return []
    down, up = height // max(new_height, 1), new_height // max(height, 1)
    to_depth = down > 1 and (height, width) == (new_height * down, new_width * down)
    to_space = up > 1 and (new_height, new_width) == (height * up, width * up)
    if not (to_depth and new_channels == channels * down**2) and not (to_space and channels == new_channels * up**2):
        return []
    numbers = _numbers(op.output, source, uses)
    if numbers is None or numbers.shape != op.output.shape:
        return []
    return _to_depth(op, source, numbers, down) if to_depth else _to_space(op, source, numbers, up)


def _to_depth(op: Operator, source: Tensor, numbers: Numbers, block: int) -> list[Operator]:
    """SPACE_TO_DEPTH: channel (i * block + j) * C + c is pixel (i, j) of a block; then the chain's own order."""
    plain = space_to_depth(np.arange(numbers.size, dtype=np.int32).reshape(source.shape), block)
    order = _order(plain, numbers)
    if order is None:
        return []
    options = schema.SpaceToDepthOptionsT()
    options.blockSize = block
    if np.array_equal(order, np.arange(order.size)):
        return [Operator("SPACE_TO_DEPTH", [source], [op.output], options, op.source_name)]
    middle = Tensor(f"{op.output.name}/space_to_depth", op.output.shape, op.output.dtype)
    first = Operator("SPACE_TO_DEPTH", [source], [middle], options, op.source_name)
    return [first, pick(middle, order, op.output, op.source_name)]


def _to_space(op: Operator, source: Tensor, numbers: Numbers, block: int) -> list[Operator]:
    """DEPTH_TO_SPACE undoes SPACE_TO_DEPTH, so the chain is undone in the same way and compared with the source."""
    order = _order(np.arange(numbers.size, dtype=np.int32).reshape(source.shape), space_to_depth(numbers, block))
    if order is None:
        return []
    options = schema.DepthToSpaceOptionsT()
    options.blockSize = block
    if np.array_equal(order, np.arange(order.size)):
        return [Operator("DEPTH_TO_SPACE", [source], [op.output], options, op.source_name)]
    middle = Tensor(f"{op.output.name}/reordered", source.shape, source.dtype)
    last = Operator("DEPTH_TO_SPACE", [middle], [op.output], options, op.source_name)
    return [pick(source, order, middle, op.source_name), last]


def space_to_depth(values: Numbers, block: int) -> Numbers:
    """As TFLite's kernel: [N, H, W, C] -> [N, H/b, W/b, b*b*C]."""
    n, height, width, channels = values.shape
    split = values.reshape(n, height // block, block, width // block, block, channels)
    return split.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // block, width // block, -1)


def _order(before: Numbers, after: Numbers) -> npt.NDArray[np.int64] | None:
    """The channels c with after = before[..., c], if there are such."""
    position = {int(number): channel for channel, number in enumerate(before[0, 0, 0])}
    order = [position.get(int(number), -1) for number in after[0, 0, 0]]
    if -1 in order or not np.array_equal(before[..., order], after):
        return None
    return np.array(order, np.int64)
