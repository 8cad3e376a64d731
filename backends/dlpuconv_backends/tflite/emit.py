"""From a float graph and its plan to the integer graph: new tensors and operators, nothing shared but constants' bytes.

The graph's body is int8. Where the interface is uint8, a QUANTIZE at each end adds 128 to the zero point, as in the
files that Axis publishes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv_backends.flatbuffer import Affine, Graph, Operator, Tensor
from dlpuconv_backends.tflite.naming import inner_name
from dlpuconv_backends.tflite.numbers import Parameters
from dlpuconv_backends.tflite.operators import SPECS, is_data
from dlpuconv_backends.tflite.saturation import CLAMPS
from dlpuconv_backends.tflite.share_constants import share_constants

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv_backends.tflite.plan import ActivationPlan
    from dlpuconv_backends.tflite.weights import LayerWeights

_UINT8_SHIFT = 128
_INT8 = np.dtype(np.int8)
_NEW_KERNELS = frozenset({"RELU_0_TO_1"})
"""Clamps whose kernel is younger than many cameras; a QUANTIZE to the clamped range does the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """Types of the file's inputs and outputs: `int8` or `uint8`."""

    input_dtype: str
    output_dtype: str


def build(graph: Graph, plan: ActivationPlan, layers: Mapping[Operator, LayerWeights], interface: Interface) -> Graph:
    """The integer graph.

    Args:
        graph: float; it is not changed.
        plan: for every activation and data constant of `graph`.
        layers: integers of every operator with weights.
        interface: for the ends.
    """
    builder = _Builder(graph, plan, layers)
    for op in graph.operators:
        builder.add(op)
    built = Graph(
        [builder.made[t] for t in graph.inputs],
        [builder.output(t) for t in graph.outputs],
        builder.operators,
        metadata=dict(graph.metadata),
    )
    _name_outputs(graph, built)
    if interface.input_dtype == "uint8":
        _unsigned_inputs(built)
    if interface.output_dtype == "uint8":
        _unsigned_outputs(built)
    share_constants(built)
    return built


class _Builder:
    """Holds what was built so far; `made` maps float tensors to integer ones."""

    def __init__(self, graph: Graph, plan: ActivationPlan, layers: Mapping[Operator, LayerWeights]) -> None:
        self.plan = plan
        self.layers = layers
        self.operators: list[Operator] = []
        self.made: dict[Tensor, Tensor] = {}
        self._requantized: dict[tuple[Tensor, Parameters], Tensor] = {}
        self._constants: dict[tuple[Tensor, Parameters], Tensor] = {}
        for tensor in graph.inputs:
            self._activation(tensor)

    def add(self, op: Operator) -> None:
        """Build one operator, and the QUANTIZEs in front of it."""
        if op in self.plan.absorbed:
            self.made[op.output] = self.made[self._clamped(op)]
            return
        inputs = [None if t is None else self._input(op, i, t) for i, t in enumerate(op.inputs)]
        outputs = [self._activation(t) for t in op.outputs]
        if op.kind in _NEW_KERNELS and _clamps(op, self.plan.parameters[op.output]):
            self.operators.append(Operator("QUANTIZE", inputs, outputs, _quantize_options(), op.source_name))
            return
        self.operators.append(Operator(op.kind, inputs, outputs, op.options, op.source_name))

    def output(self, tensor: Tensor) -> Tensor:
        """What an output of the graph became: constants have no operator that made them."""
        if tensor in self.made or tensor.data is None or not is_data(tensor):
            return self.made.get(tensor, tensor)
        low, high = float(tensor.data.min(initial=0.0)), float(tensor.data.max(initial=0.0))
        from dlpuconv_backends.tflite.numbers import Range

        return self._constant(tensor, Parameters.covering(Range(low, high)))

    @staticmethod
    def _clamped(op: Operator) -> Tensor:
        return next(t for t in op.inputs if t is not None and not t.is_constant)

    def _activation(self, tensor: Tensor) -> Tensor:
        if is_data(tensor):
            affine = self.plan.parameters[tensor].affine
            made = Tensor(tensor.name, tensor.shape, _INT8, None, affine, tensor.source_names)
        else:
            made = Tensor(tensor.name, tensor.shape, tensor.dtype, None, None, tensor.source_names)
        self.made[tensor] = made
        return made

    def _input(self, op: Operator, index: int, tensor: Tensor) -> Tensor:
        at = SPECS[op.kind].weights if op.kind in SPECS else None
        if at is not None and index in (at.weights, at.bias):
            return self._layer_constant(op, index, tensor)
        if not is_data(tensor):
            return self.made.get(tensor, tensor)  # index and shape constants are taken over as they are
        if tensor.is_constant:
            return self._constant(tensor, self.plan.constants[op, index])
        wanted = self.plan.requantized.get((op, index))
        return self.made[tensor] if wanted is None else self._requantize(tensor, wanted)

    def _layer_constant(self, op: Operator, index: int, tensor: Tensor) -> Tensor:
        layer = self.layers[op]
        at = SPECS[op.kind].weights
        assert at is not None
        if index == at.weights:
            return Tensor(tensor.name, tensor.shape, _INT8, layer.weights, layer.affine)
        assert layer.bias is not None
        return Tensor(tensor.name, layer.bias.shape, layer.bias.dtype, layer.bias, layer.bias_affine)

    def _constant(self, tensor: Tensor, parameters: Parameters) -> Tensor:
        key = (tensor, parameters)
        if key not in self._constants:
            assert tensor.data is not None
            codes: npt.NDArray[np.int8] = parameters.quantize(tensor.data)
            self._constants[key] = Tensor(tensor.name, tensor.shape, _INT8, codes, parameters.affine)
        return self._constants[key]

    def _requantize(self, tensor: Tensor, wanted: Parameters) -> Tensor:
        key = (tensor, wanted)
        if key not in self._requantized:
            source = self.made[tensor]
            number = sum(t is tensor for t, _ in self._requantized)
            name = f"{source.name}_requantized{number or ''}"
            made = Tensor(name, source.shape, _INT8, None, wanted.affine, source.source_names)
            self.operators.append(Operator("QUANTIZE", [source], [made], _quantize_options()))
            self._requantized[key] = made
        return self._requantized[key]


def _clamps(op: Operator, parameters: Parameters) -> bool:
    return parameters.range.within(CLAMPS[op.kind], slack=parameters.scale / 2)


def _quantize_options() -> object:
    from ai_edge_litert import schema_py_generated as schema

    return schema.QuantizeOptionsT()


def _name_outputs(graph: Graph, built: Graph) -> None:
    """Give the outputs the source model's names, which an absorbed clamp may have taken away."""
    for wanted, tensor in zip(graph.outputs, built.outputs, strict=True):
        tensor.name = wanted.name


def _unsigned_inputs(built: Graph) -> None:
    for position, inner in enumerate(built.inputs):
        if inner.dtype != _INT8 or inner.quantization is None:
            continue
        outer = _unsigned(inner)
        built.inputs[position] = outer
        built.operators.insert(position, Operator("QUANTIZE", [outer], [inner], _quantize_options()))


def _unsigned_outputs(built: Graph) -> None:
    for position, inner in enumerate(built.outputs):
        if inner.dtype != _INT8 or inner.quantization is None:
            continue
        outer = _unsigned(inner)
        built.outputs[position] = outer
        built.operators.append(Operator("QUANTIZE", [inner], [outer], _quantize_options()))


def _unsigned(inner: Tensor) -> Tensor:
    """A uint8 tensor of the same real values under the same name; the inner one is renamed."""
    assert inner.quantization is not None
    affine: Affine = replace(inner.quantization, zero_point=inner.quantization.zero_point + _UINT8_SHIFT)
    outer = Tensor(inner.name, inner.shape, np.dtype(np.uint8), None, affine, inner.source_names)
    inner.name = inner_name(inner.name)
    return outer
