"""From a quantized network to the integer graph: new tensors and operators, nothing shared but constants' bytes.

The graph's body is int8. Where the interface is uint8, a QUANTIZE at each end adds 128 to the zero point, as in the
files that Axis publishes.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.plugin import INT8, Affine
from dlpuconv.plugin.quantization import Range, covering, range_of
from dlpuconv.plugin.views import WEIGHTED
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.edit import fused_activation
from dlpuconv_backends.tflite.layers import channels_first, fused_behind
from dlpuconv_backends.tflite.naming import inner_name
from dlpuconv_backends.tflite.network import operator_of, tensor_of
from dlpuconv_backends.tflite.share_constants import share_constants

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Node, Quantized, Value

_UINT8_SHIFT = 128
_INT8 = np.dtype(np.int8)
_REACH = 2**30
"""In steps of a scale: kernels keep the bound of a fused clamp as a number of 32 bits (`Quantize` in LiteRT's
kernel_util.cc), and refuse one that has none."""
_UNBOUNDED = {
    schema.ActivationFunctionType.RELU_N1_TO_1: schema.ActivationFunctionType.NONE,
    schema.ActivationFunctionType.RELU6: schema.ActivationFunctionType.RELU,
}
"""A clamp without the bound that no code reaches."""
_NEW_KERNELS = frozenset({"RELU_0_TO_1"})
"""Clamps whose kernel is younger than many cameras; a QUANTIZE to the clamped range does the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Types of the file's inputs and outputs: `int8` or `uint8`."""

    input_dtype: str
    output_dtype: str


def build(quantized: Quantized, interface: Interface) -> Graph:
    """The integer graph of a quantized TFLite network.

    Args:
        quantized: under a scheme of int8.
        interface: for the ends.
    """
    network = quantized.network
    builder = _Builder(quantized)
    for node in network.nodes:
        builder.add(node)
    inputs, outputs = [builder.made[v] for v in network.inputs], [builder.output(v) for v in network.outputs]
    built = Graph(inputs, outputs, builder.operators)
    for value, tensor in zip(network.outputs, outputs, strict=True):
        tensor.name = value.name  # which an absorbed clamp may have taken away
    if interface.input_dtype == "uint8":
        _unsigned_inputs(built)
    if interface.output_dtype == "uint8":
        _unsigned_outputs(built)
    share_constants(built)
    return built


class _Builder:
    """Holds what was built so far; `made` maps values of the float network to integer tensors."""

    def __init__(self, quantized: Quantized) -> None:
        self.plan = quantized.plan
        self.layers = quantized.layers
        self.coding = quantized.scheme.activation_codes
        self.operators: list[Operator] = []
        self.made: dict[Value, Tensor] = {}
        self._requantized: dict[tuple[Value, Affine], Tensor] = {}
        self._constants: dict[tuple[Value, Affine], Tensor] = {}
        for value in quantized.network.inputs:
            self._activation(value)

    def add(self, node: Node) -> None:
        """Build one operator, and the QUANTIZEs in front of it."""
        if node in self.plan.absorbed:
            self.made[node.output] = self.made[node.activations[0]]
            return
        op = operator_of(node)
        inputs = [None if v is None else self._input(node, i, v) for i, v in enumerate(node.inputs)]
        outputs = [self._activation(v) for v in node.outputs]
        if op.kind in _NEW_KERNELS and self._clamps(node):
            self.operators.append(Operator("QUANTIZE", inputs, outputs, schema.QuantizeOptionsT(), op.source_name))
            return
        self.operators.append(Operator(op.kind, inputs, outputs, self._options(node), op.source_name))

    def output(self, value: Value) -> Tensor:
        """What an output of the network became: constants have no node that made them."""
        if value in self.made or value.data is None or not value.is_data:
            return self.made.get(value, tensor_of(value))
        held = Range(float(value.data.min(initial=0.0)), float(value.data.max(initial=0.0)))
        return self._constant(value, covering(held, self.coding))

    def _clamps(self, node: Node) -> bool:
        affine, bounds = self.plan.scales[node.output], node.meaning.clamp
        return bounds is not None and range_of(affine, INT8).within(bounds, slack=affine.scale / 2)

    def _options(self, node: Node) -> Any:
        """The operator's options, without a fused bound that is too many steps of the output's scale away."""
        op = operator_of(node)
        bound, scale = fused_behind(op).clip, self.plan.scales.get(node.outputs[0])
        if bound is None or scale is None or bound < _REACH * scale.scale:
            return op.options
        options = copy(op.options)
        options.fusedActivationFunction = _UNBOUNDED[fused_activation(op)]
        return options

    def _activation(self, value: Value) -> Tensor:
        if value.is_data:
            made = Tensor(value.name, value.shape, _INT8, None, self.plan.scales[value], value.source_names)
        else:
            made = Tensor(value.name, value.shape, value.dtype, None, None, value.source_names)
        self.made[value] = made
        return made

    def _input(self, node: Node, index: int, value: Value) -> Tensor:
        if node.layer is not None and index in (node.layer.weights_at, node.layer.bias_at):
            return self._layer_constant(node, index, value)
        if not value.is_data:
            return self.made.get(value, tensor_of(value))  # index and shape constants are taken over as they are
        if value.is_constant:
            return self._constant(value, self.plan.constants[node, index])
        wanted = self.plan.requantized.get((node, index))
        return self.made[value] if wanted is None else self._requantize(value, wanted)

    def _layer_constant(self, node: Node, index: int, value: Value) -> Tensor:
        made, op = self.layers[node], operator_of(node)
        assert node.layer is not None
        if index == node.layer.weights_at:
            codes = np.ascontiguousarray(channels_first(op, made.weights))
            axis = WEIGHTED[op.kind].axis if made.affine.per_channel else 0
            return Tensor(value.name, value.shape, _INT8, codes, replace(made.affine, axis=axis))
        assert made.bias is not None
        assert made.bias_affine is not None
        return Tensor(value.name, made.bias.shape, made.bias.dtype, made.bias, made.bias_affine)

    def _constant(self, value: Value, affine: Affine) -> Tensor:
        key = (value, affine)
        if key not in self._constants:
            assert value.data is not None
            codes: npt.NDArray[Any] = affine.encode(value.data, INT8)
            self._constants[key] = Tensor(value.name, value.shape, _INT8, codes, affine)
        return self._constants[key]

    def _requantize(self, value: Value, wanted: Affine) -> Tensor:
        key = (value, wanted)
        if key not in self._requantized:
            source = self.made[value]
            number = sum(v is value for v, _ in self._requantized)
            name = f"{source.name}_requantized{number or ''}"
            made = Tensor(name, source.shape, _INT8, None, wanted, source.source_names)
            self.operators.append(Operator("QUANTIZE", [source], [made], schema.QuantizeOptionsT()))
            self._requantized[key] = made
        return self._requantized[key]


def _unsigned_inputs(built: Graph) -> None:
    first: list[Operator] = []
    for position, inner in enumerate(built.inputs):
        if inner.dtype != _INT8 or inner.quantization is None:
            continue
        outer = _unsigned(inner)
        built.inputs[position] = outer
        first.append(Operator("QUANTIZE", [outer], [inner], schema.QuantizeOptionsT()))
    built.operators[:0] = first


def _unsigned_outputs(built: Graph) -> None:
    for position, inner in enumerate(built.outputs):
        if inner.dtype != _INT8 or inner.quantization is None:
            continue
        outer = _unsigned(inner)
        built.outputs[position] = outer
        built.operators.append(Operator("QUANTIZE", [inner], [outer], schema.QuantizeOptionsT()))


def _unsigned(inner: Tensor) -> Tensor:
    """A uint8 tensor of the same real values under the same name; the inner one is renamed."""
    assert inner.quantization is not None
    affine = Affine.of(inner.quantization.scale, inner.quantization.zero_point + _UINT8_SHIFT)
    outer = Tensor(inner.name, inner.shape, np.dtype(np.uint8), None, affine, inner.source_names)
    inner.name = inner_name(inner.name)
    return outer
