"""Pairs of QuantizeLinear and DequantizeLinear, by which a graph of real numbers states how its values are quantized.

So a quantized file is read as quantized ONNX models are; see `dlpuconv.frontends.quantized`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dlpuconv.ir.given_scales import StatedScale


def put_pairs(graph: onnx.GraphProto, stated: Mapping[str, StatedScale], fresh: Callable[[str], str]) -> None:
    """Quantize values, in place; inputs and outputs of the graph that are quantized are codes.

    Args:
        graph: of real numbers, in running order.
        stated: by the name of a value or constant.
        fresh: makes a name that nothing in the graph has.
    """
    pairs = _Pairs(graph, stated, fresh)
    nodes = list(graph.node)
    del graph.node[:]
    for value in graph.input:
        pairs.begin(value)
    for constant in list(graph.initializer):
        pairs.follow(constant.name)
    ends = {value.name: value for value in graph.output if value.name in stated}
    for node in nodes:
        node.input[:] = [pairs.read.get(name, name) for name in node.input]
        made = list(node.output)
        node.output[:] = [fresh(f"{name}/real") if name in ends else name for name in made]
        graph.node.append(node)
        for name, real in zip(made, node.output, strict=True):
            pairs.follow(name, real)
    for name, value in ends.items():
        value.type.tensor_type.elem_type = pairs.element_type(name)


class _Pairs:
    """Appends to the nodes of one graph.

    Attributes:
        read: by the name of a value, the name under which it is to be read.
    """

    def __init__(self, graph: onnx.GraphProto, stated: Mapping[str, StatedScale], fresh: Callable[[str], str]) -> None:
        self.read: dict[str, str] = {}
        self._graph, self._stated, self._fresh = graph, stated, fresh
        self._ends = {value.name for value in graph.output}

    def begin(self, value: onnx.ValueInfoProto) -> None:
        """An input, which is fed codes if it is quantized."""
        if value.name in self._stated:
            value.type.tensor_type.elem_type = self.element_type(value.name)
            self._dequantize(value.name, value.name, self._parameters(value.name))

    def follow(self, name: str, real: str | None = None) -> None:
        """A value whose real numbers are there, under this name or another one."""
        if name in self._stated:
            codes = name if name in self._ends and real else self._fresh(f"{name}/codes")
            parameters = self._parameters(name)
            self._graph.node.append(self._node("QuantizeLinear", [real or name, *parameters], codes, name))
            self._dequantize(name, codes, parameters)

    def element_type(self, name: str) -> int:
        """ONNX's number of the type of a value's codes."""
        return int(onnx.helper.np_dtype_to_tensor_dtype(self._stated[name].codes.dtype))

    def _dequantize(self, name: str, codes: str, parameters: Sequence[str]) -> None:
        self.read[name] = self._fresh(f"{name}/dequantized")
        self._graph.node.append(self._node("DequantizeLinear", [codes, *parameters], self.read[name], name))

    def _node(self, kind: str, inputs: list[str], output: str, name: str) -> onnx.NodeProto:
        return onnx.helper.make_node(kind, inputs, [output], output, axis=self._stated[name].affine.axis)

    def _parameters(self, name: str) -> tuple[str, str]:
        """The names of a value's scales and zero points, which become constants of the graph."""
        affine, names = self._stated[name].affine, (self._fresh(f"{name}/scale"), self._fresh(f"{name}/zero_point"))
        shape = (-1,) if affine.per_channel else ()
        scales = np.asarray(affine.scales, np.float32).reshape(shape)
        zeros = np.asarray(affine.zero_points, self._stated[name].codes.dtype).reshape(shape)
        self._graph.initializer.extend(map(onnx.numpy_helper.from_array, (scales, zeros), names))
        return names
