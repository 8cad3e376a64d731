"""Writes QuantizeLinear and DequantizeLinear, and keeps the names, types and constants of a graph in the making."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from dlpuconv.plugin.onnx import DEQUANTIZE, QUANTIZE
from dlpuconv_backends.onnx_qdq.graph import FLOAT, Kind, Namer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin import Affine, IntegerType
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

    type Array = npt.NDArray[Any]


class Writer:
    """New nodes beside those of a graph, which is not changed."""

    def __init__(self, graph: OnnxGraph) -> None:
        self._graph = graph
        self._named = Namer([*graph.kinds, *(node.name for node in graph.nodes)])
        self._kinds = dict(graph.kinds)
        self._constants: dict[str, Array] = {}
        self._scalars: dict[tuple[Affine, str], list[str]] = {}

    def graph(self, nodes: Sequence[onnx.NodeProto]) -> OnnxGraph:
        """The graph with other nodes, and what these read of constants."""
        read = {name for node in nodes for name in node.input}
        known = {**self._graph.constants, **self._constants}
        held = {name: values for name, values in known.items() if name in read or name in self._graph.outputs}
        return replace(self._graph, nodes=tuple(nodes), kinds=self._kinds, constants=held)

    def named(self, hint: str, *, like: str, dtype: np.dtype[Any] = FLOAT) -> str:
        """A name for a value of the shape of another one."""
        name = self._named(hint)
        self._kinds[name] = Kind(self._kinds[like].shape, dtype)
        return name

    def constant(self, hint: str, values: Array) -> str:
        """The name of a new constant."""
        name = self._named(hint)
        self._constants[name] = np.asarray(values, order="C")
        self._kinds[name] = Kind(values.shape, values.dtype)
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> onnx.NodeProto:
        """A new node, which has the name of what it makes."""
        return onnx.helper.make_node(operator, inputs, [output], name=self._named(f"{output}/{operator}"), **attributes)

    def encode(self, name: str, affine: Affine, codes: IntegerType, output: str) -> onnx.NodeProto:
        """QuantizeLinear of a float value."""
        return self.node(QUANTIZE, [name, *self._scale(affine, codes.name)], output)

    def decode(self, name: str, affine: Affine, output: str = "") -> onnx.NodeProto:
        """DequantizeLinear of codes; along an axis where there are several scales."""
        output = output or self.named(f"{name.removesuffix('/codes')}/decoded", like=name)
        along = {"axis": affine.axis} if affine.per_channel else {}
        return self.node(DEQUANTIZE, [name, *self._scale(affine, self._kinds[name].dtype.name)], output, **along)

    def _scale(self, affine: Affine, dtype: str) -> list[str]:
        """Names of the constants that state a scale and a zero point, which equal ones share."""
        key = (affine, dtype)
        if key not in self._scalars:
            scale, zero = np.asarray(affine.scales, np.float32), np.asarray(affine.zero_points, dtype)
            if not affine.per_channel:
                scale, zero = scale.reshape(()), zero.reshape(())
            self._scalars[key] = [self.constant("scale", scale), self.constant("zero_point", zero)]
        return self._scalars[key]


def renamed(node: onnx.NodeProto, names: Mapping[str, str]) -> onnx.NodeProto:
    """A copy that reads and makes values of other names."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [names.get(name, name) for name in node.input]
    copy.output[:] = [names.get(name, name) for name in node.output]
    return copy
