"""Cuts outputs into parts with a scale each: y = CONCATENATION(boxes, scores) -> boxes, scores.

A cut is pushed up through the operators that only move values (CONCATENATION, RESHAPE, TRANSPOSE) to where the parts
come together, so that the parts never share a scale and nothing is computed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.own_outputs import own_outputs
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.flatbuffer.build import reshape, transpose
from dlpuconv_backends.tflite.mixed_outputs import concat_axis, moved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv_backends.flatbuffer import Graph
    from dlpuconv_backends.tflite.mixed_outputs import Mixed


@dataclass(frozen=True, slots=True)
class Piece:
    """Which part of which former output an output of the graph is.

    Attributes:
        output: position among the former outputs.
        axis: of its tensor; None for the whole of it.
        start: first index along the axis.
        stop: index after the last one.
    """

    output: int
    axis: int | None = None
    start: int = 0
    stop: int = 0


def split_outputs(graph: Graph, mixed: Sequence[Mixed]) -> tuple[Piece, ...]:
    """Give every span an output of its own, in place of the output that it was a part of; rewrites in place.

    Args:
        graph: float.
        mixed: what `mixed_outputs` found in it.

    Returns:
        What each output is now.
    """
    by_output = {m.output: m for m in mixed}
    pieces: list[Piece] = []
    names: list[str] = []
    outputs: list[Tensor] = []
    cutter = _Cutter(graph)
    for index, tensor in enumerate(graph.outputs):
        found = by_output.get(index)
        if found is None:
            pieces.append(Piece(index))
            names.append(tensor.name)
            outputs.append(tensor)
            continue
        for number, span in enumerate(found.spans):
            pieces.append(Piece(index, found.axis, span.start, span.stop))
            names.append(f"{tensor.name}_part{number}")
            outputs.append(cutter.cut(tensor, found.axis, span.start, span.stop))
    graph.operators.extend(cutter.operators)
    graph.outputs = outputs
    own_outputs(graph)
    graph.drop_dead()
    for tensor, name in zip(graph.outputs, names, strict=True):
        tensor.name = name
    return tuple(pieces)


class _Cutter:
    """Makes slices of tensors where their parts come together; `operators` are to be added to the graph."""

    def __init__(self, graph: Graph) -> None:
        self.operators: list[Operator] = []
        self._producers = graph.producers()

    def cut(self, tensor: Tensor, axis: int, start: int, stop: int) -> Tensor:
        """The elements from `start` to `stop` along `axis`."""
        if (start, stop) == (0, tensor.shape[axis]):
            return tensor
        op = self._producers.get(tensor)
        source = moved(op, axis)
        if op is not None and (joined := concat_axis(op)) is not None:
            parts = [t for t in op.inputs if t is not None]
            if joined == axis:
                return self._joined(op, self._overlapping(parts, axis, start, stop), axis)
            return self._joined(op, [self.cut(part, axis, start, stop) for part in parts], joined)
        if op is None or source is None:
            return self._sliced(tensor, axis, start, stop)
        part = self.cut(*source, start, stop)
        if op.kind == "TRANSPOSE":
            order = op.input(1).data
            assert order is not None
            return self._add(transpose(part, order.reshape(-1).tolist()), op)
        return self._add(reshape(part, _with_extent(tensor, axis, stop - start)), op)

    def _overlapping(self, parts: Sequence[Tensor], axis: int, start: int, stop: int) -> list[Tensor]:
        found, offset = [], 0
        for part in parts:
            extent = part.shape[axis]
            low, high = max(start - offset, 0), min(stop - offset, extent)
            if low < high:
                found.append(self.cut(part, axis, low, high))
            offset += extent
        return found

    def _joined(self, like: Operator, parts: list[Tensor], axis: int) -> Tensor:
        if len(parts) == 1:
            return parts[0]
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        shape = _with_extent(parts[0], axis, sum(part.shape[axis] for part in parts))
        out = Tensor(f"{like.output.name}_part", shape, parts[0].dtype)
        return self._add(Operator("CONCATENATION", [*parts], [out], options), like)

    def _sliced(self, tensor: Tensor, axis: int, start: int, stop: int) -> Tensor:
        begin = np.zeros(len(tensor.shape), np.int32)
        begin[axis] = start
        shape = _with_extent(tensor, axis, stop - start)
        out = Tensor(f"{tensor.name}_part", shape, tensor.dtype)
        bounds = [
            Tensor.constant(f"{out.name}/begin", begin),
            Tensor.constant(f"{out.name}/size", np.array(shape, np.int32)),
        ]
        op = Operator("SLICE", [tensor, *bounds], [out], schema.SliceOptionsT(), tensor.name)
        self.operators.append(op)
        return out

    def _add(self, op: Operator, like: Operator) -> Tensor:
        op.source_name = like.source_name
        self.operators.append(op)
        return op.output


def _with_extent(tensor: Tensor, axis: int, extent: int) -> tuple[int, ...]:
    return (*tensor.shape[:axis], extent, *tensor.shape[axis + 1 :])
