"""Cuts outputs into parts with a scale each: y = CONCATENATION(boxes, scores) -> boxes, scores.

A cut is pushed up through the operators that only move values (CONCATENATION, RESHAPE, TRANSPOSE) to where the parts
come together, so that the parts never share a scale and nothing is computed twice.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin.quantization import CannotError, Stride
from dlpuconv_backends.cleanup.own_outputs import own_outputs
from dlpuconv_backends.flatbuffer import Operator, Tensor
from dlpuconv_backends.flatbuffer.build import reshape, transpose
from dlpuconv_backends.tflite.naming import name_uniquely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

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
        outputs.append(cutter.cut(tensor, piece.axis, piece.stride))
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
    """A copy of the graph with tensors and operators of its own; contents of constants are shared."""
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

    def cut(self, tensor: Tensor, axis: int, stride: Stride) -> Tensor:
        """The elements at these places along `axis`.

        Raises:
            CannotError: they are neither neighbours, nor do they come of neighbours.
        """
        if stride.count == tensor.shape[axis]:
            return tensor
        if tensor not in self._makers:
            return self._sliced(tensor, axis, stride)
        op, meaning = self._makers[tensor]
        if meaning.joins is not None:
            parts = [t for t in op.inputs if t is not None]
            if meaning.joins == axis:
                return self._joined(op, self._overlapping(parts, axis, stride), axis)
            return self._joined(op, [self.cut(part, axis, stride) for part in parts], meaning.joins)
        carried = self._carried(op.input(0), meaning.carries[axis], stride) if meaning.carries else None
        if carried is None:
            return self._sliced(tensor, axis, stride)
        part = self.cut(op.input(0), *carried)
        if op.kind == "TRANSPOSE":
            order = op.input(1).data
            assert order is not None
            return self._add(transpose(part, order.reshape(-1).tolist()), op)
        return self._add(reshape(part, _with_extent(tensor, axis, stride.count)), op)

    @staticmethod
    def _carried(source: Tensor, axes: Sequence[int], stride: Stride) -> tuple[int, Stride] | None:
        """The one axis, of those that lie behind one another along another one, that must be cut instead."""
        extents = [source.shape[axis] for axis in axes]
        for number, axis in enumerate(axes):
            outer, inner = math.prod(extents[:number]), math.prod(extents[number + 1 :])
            within = stride.within(outer, extents[number], inner)
            if within is not None:
                return axis, within
        return None

    def _overlapping(self, parts: Sequence[Tensor], axis: int, stride: Stride) -> list[Tensor]:
        found, offset, places = [], 0, stride.places
        for part in parts:
            inside = places[(places >= offset) & (places < offset + part.shape[axis])] - offset
            if inside.size:
                found.append(self.cut(part, axis, _regular(inside)))
            offset += part.shape[axis]
        return found

    def _joined(self, like: Operator, parts: list[Tensor], axis: int) -> Tensor:
        if len(parts) == 1:
            return parts[0]
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        shape = _with_extent(parts[0], axis, sum(part.shape[axis] for part in parts))
        out = Tensor(f"{like.output.name}_part", shape, parts[0].dtype)
        return self._add(Operator("CONCATENATION", [*parts], [out], options), like)

    def _sliced(self, tensor: Tensor, axis: int, stride: Stride) -> Tensor:
        if stride.step > 1:
            raise CannotError(
                f"its parts alternate where {tensor.name!r} is made, which no layer of the format cuts apart"
            )
        begin = np.zeros(len(tensor.shape), np.int32)
        begin[axis] = stride.start
        shape = _with_extent(tensor, axis, stride.count)
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


def _regular(places: npt.NDArray[np.intp]) -> Stride:
    stride = Stride.of(places)
    if stride is None:
        raise CannotError("its parts alternate, and not regularly")
    return stride


def _with_extent(tensor: Tensor, axis: int, extent: int) -> tuple[int, ...]:
    return (*tensor.shape[:axis], extent, *tensor.shape[axis + 1 :])
