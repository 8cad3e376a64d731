"""A network on codes as the quantizer's network: what it reads and makes by name of the float one, run as a file is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.plugin.quantization import CannotError
from dlpuconv_backends.onnx_qdq.emission import cell_of
from dlpuconv_backends.onnx_qdq.layers import as_stored
from dlpuconv_backends.onnx_qdq.network import OnnxNetwork, Session, place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.plugin.quantization import Constants, Feed, Node, Value
    from dlpuconv_backends.onnx_qdq.emission import Emitted

    type Array = npt.NDArray[Any]


class IntegerNetwork(OnnxNetwork):
    """What was emitted."""

    def __init__(self, emitted: Emitted) -> None:
        self._emitted = emitted
        self.graph = emitted.graph
        self.inputs, self.outputs, self.nodes = emitted.inputs, emitted.outputs, emitted.nodes

    @override
    def loaded_one(self, node: Node, *, activated: bool = True, plain: bool = True) -> Callable[[Feed], list[Array]]:
        reads = node.activations
        made = [place_of(value).name for value in node.outputs]
        return Session(
            self.graph.part(cell_of(node).nodes, [place_of(v).name for v in reads], made), reads, node.outputs
        )

    @override
    def with_constants(self, changed: Mapping[Node, Constants]) -> IntegerNetwork:
        values: dict[str, Array] = {}
        edited = {}
        for node, constants in changed.items():
            cell, layer = cell_of(node), node.layer
            assert layer is not None
            assert cell.first is not None
            if constants.weights is not None:
                values[cell.weights] = as_stored(cell.first, constants.weights)
            if constants.bias is not None:
                values[cell.bias] = constants.bias
            weights = layer.weights if constants.weights is None else constants.weights
            bias = layer.bias if constants.bias is None else constants.bias
            edited[node] = replace(node, layer=replace(layer, weights=weights, bias=bias))
        kinds = self.graph.kinds
        stored = {name: np.asarray(array, kinds[name].dtype, order="C") for name, array in values.items()}
        nodes = tuple(edited.get(node, node) for node in self.nodes)
        return IntegerNetwork(replace(self._emitted, graph=self.graph.with_constants(stored), nodes=nodes))

    @override
    def with_errors(self, values: Sequence[Value]) -> tuple[IntegerNetwork, Mapping[str, str]]:
        raise CannotError("errors are added to the float network")
