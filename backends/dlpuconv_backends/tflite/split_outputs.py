"""Cuts outputs into parts with a scale each: y = CONCATENATION(boxes, scores) -> boxes, scores.

A cut is pushed up through the operators that only move values (CONCATENATION, RESHAPE, TRANSPOSE) to where the parts
come together, so that the parts never share a scale and nothing is computed twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.own_outputs import own_outputs
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.flatbuffer.build import reshape, transpose
from dlpuconv_backends.tflite.naming import name_uniquely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlpuconv.plugin.quantization import Meaning, OutputPiece
    from dlpuconv_backends.flatbuffer import Graph


def split_outputs(graph: Graph, meanings: Sequence[Meaning], pieces: Sequence[OutputPiece]) -> Graph:
    """A graph with other outputs, each a part of one of the given graph's or all of it.

    Args:
        graph: float; it is not changed.
        meanings: of its operators.
        pieces: what the new outputs are.
    """
    copied = _copy(graph)
    cutter = _Cutter(copied, meanings)
    names: list[str] = []
    outputs: list[Tensor] = []
    numbers: Counter[int] = Counter()
    for piece in pieces:
        tensor = copied.outputs[piece.output]
        if piece.axis is None:
            names.append(tensor.name)
            outputs.append(tensor)
            continue
        names.append(f"{tensor.name}_part{numbers[piece.output]}")
        outputs.append(cutter.cut(tensor, piece.axis, piece.start, piece.stop))
        numbers[piece.output] += 1
    copied.operators.extend(cutter.operators)
    copied.outputs = outputs
    own_outputs(copied)
    copied.drop_dead()
    for tensor, name in zip(copied.outputs, names, strict=True):
        tensor.name = name
    name_uniquely(copied)
    return copied


def _copy(graph: Graph) -> Graph:
    """With tensors and operators of its own; they share what constants hold."""
    tensors = {tensor: replace(tensor) for tensor in graph.tensors()}
    operators = [
        replace(op, inputs=[t and tensors[t] for t in op.inputs], outputs=[tensors[t] for t in op.outputs])
        for op in graph.operators
    ]
    inputs, outputs = [tensors[t] for t in graph.inputs], [tensors[t] for t in graph.outputs]
    return replace(graph, inputs=inputs, outputs=outputs, operators=operators, metadata=dict(graph.metadata))


class _Cutter:
    """Makes slices of tensors where their parts come together; `operators` are to be added to the graph."""

    def __init__(self, graph: Graph, meanings: Sequence[Meaning]) -> None:
        self.operators: list[Operator] = []
        known = zip(graph.operators, meanings, strict=True)
        self._makers = {tensor: (op, meaning) for op, meaning in known for tensor in op.outputs}

    def cut(self, tensor: Tensor, axis: int, start: int, stop: int) -> Tensor:
        """The elements from `start` to `stop` along `axis`."""
        if (start, stop) == (0, tensor.shape[axis]):
            return tensor
        if tensor not in self._makers:
            return self._sliced(tensor, axis, start, stop)
        op, meaning = self._makers[tensor]
        if meaning.joins is not None:
            parts = [t for t in op.inputs if t is not None]
            if meaning.joins == axis:
                return self._joined(op, self._overlapping(parts, axis, start, stop), axis)
            return self._joined(op, [self.cut(part, axis, start, stop) for part in parts], meaning.joins)
        carried = meaning.carries[axis] if meaning.carries else None
        if carried is None:
            return self._sliced(tensor, axis, start, stop)
        part = self.cut(op.input(0), carried, start, stop)
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
