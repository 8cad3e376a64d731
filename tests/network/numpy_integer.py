"""The integer network of a quantized one: each node computes with what its codes stand for, and rounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.network import Meaning, Node, Scales, Value
from tests.network.numpy_network import NumpyNetwork

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.ir.affine import Affine
    from dlpuconv.quantization.quantize import Quantized


def realized(quantized: Quantized) -> NumpyNetwork:
    """What a backend's file would be, in numpy."""
    maker = _Maker(quantized)
    for node in quantized.network.nodes:
        maker.add(node)
    inputs = [maker.made[v] for v in quantized.network.inputs]
    return NumpyNetwork(inputs, [maker.made[v] for v in quantized.network.outputs], maker.nodes)


class _Maker:
    def __init__(self, quantized: Quantized) -> None:
        self._plan, self._layers = quantized.plan, quantized.layers
        self._dtype = quantized.scheme.activation_codes.type.dtype
        self._codes = quantized.scheme.activation_codes.type
        self._names = {v: v.name for v in quantized.network.values() if not v.is_constant}
        for node in reversed(quantized.network.nodes):
            if node in self._plan.absorbed and node.output in quantized.network.outputs:
                self._names[node.activations[0]] = node.output.name
        self.nodes: list[Node] = []
        self.made: dict[Value, Value] = {}
        for value in quantized.network.inputs:
            self._activation(value)

    def add(self, node: Node) -> None:
        """Take over one node."""
        if node in self._plan.absorbed:
            self.made[node.output] = self.made[node.activations[0]]
            return
        inputs = tuple(None if v is None else self._input(node, at, v) for at, v in enumerate(node.inputs))
        outputs = tuple(self._activation(v) for v in node.outputs)
        layer = node.layer
        if layer is not None:
            made = self._layers[node]
            layer = replace(layer, weights=made.weights, bias=made.bias)
        self.nodes.append(replace(node, inputs=inputs, outputs=outputs, layer=layer))

    def _activation(self, value: Value) -> Value:
        made = replace(value, name=self._names[value])
        if value.is_data:
            made = replace(made, dtype=self._dtype, affine=self._plan.scales[value])
        self.made[value] = made
        return made

    def _input(self, node: Node, at: int, value: Value) -> Value:
        layer = node.layer
        if layer is not None and at in (layer.weights_at, layer.bias_at):
            made = self._layers[node]
            if at == layer.weights_at:
                return _constant(value, made.weights, made.affine)
            assert made.bias is not None
            return _constant(value, made.bias, made.bias_affine)
        if value.data is not None and value.is_data:
            affine = self._plan.constants[node, at]
            return _constant(value, affine.encode(value.data, self._codes), affine)
        wanted = self._plan.requantized.get((node, at))
        return self.made.get(value, value) if wanted is None else self._requantized(self.made[value], wanted)

    def _requantized(self, source: Value, wanted: Affine) -> Value:
        made = replace(source, name=f"{source.name}_requantized{len(self.nodes)}", affine=wanted)
        meaning = Meaning(scales=Scales.FREE, rescales=True)
        self.nodes.append(
            Node(kind="quantize", inputs=(source,), outputs=(made,), meaning=meaning, handle=lambda v, _: [v[0]])
        )
        return made


def _constant(old: Value, codes: npt.NDArray[Any], affine: Affine | None) -> Value:
    return replace(old, dtype=np.dtype(codes.dtype), data=codes, affine=affine)
