"""From a quantized network to nodes on codes: each operator between its own DequantizeLinear and QuantizeLinear.

What an island of floats makes stays float: whoever computes with codes quantizes it first, and other floats read it as
it is, so that nothing is rounded that nobody computes with in integers. The ends of the graph are floats as well. Where
scales of a quantized source are kept, all is rounded that it rounds, and what only moves is rounded behind the move, as
there: of two pairs of nodes one behind the other, ONNX Runtime makes one, which rounds once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dlpuconv.plugin import INT8, Affine, IntegerType
from dlpuconv.plugin.quantization import Meaning, Node, Scales, Value
from dlpuconv_backends.onnx_qdq.axes import back
from dlpuconv_backends.onnx_qdq.coding import Writer, renamed
from dlpuconv_backends.onnx_qdq.final_scales import final_scales, float_ends, float_tail, saturates
from dlpuconv_backends.onnx_qdq.layers import BIAS, WEIGHTS, as_stored, channel_axis
from dlpuconv_backends.onnx_qdq.network import OnnxNetwork, ReadPlace, group_of, place_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx

    from dlpuconv.plugin import Affine
    from dlpuconv.plugin.quantization import Quantized
    from dlpuconv_backends.onnx_qdq.graph import OnnxGraph

_RESCALES = Meaning(scales=Scales.FREE, rescales=True)
WIDE_OPSET = 21
"""From here on QuantizeLinear makes codes of 16 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Nodes of a file that are one node of the integer network.

    Attributes:
        nodes: in their order.
        first: of a layer: the operator that multiplies.
        weights: of a layer: name of its codes.
        bias: of a layer: name of its codes; empty for none.
    """

    nodes: tuple[onnx.NodeProto, ...]
    first: onnx.NodeProto | None = None
    weights: str = ""
    bias: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """A network on codes.

    Attributes:
        graph: as a file has it, with float ends.
        inputs: of the integer network.
        outputs: of the integer network.
        nodes: of the integer network, each with a `Cell`.
    """

    graph: OnnxGraph
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]


def emit(quantized: Quantized, *, drafted: bool = False) -> Emitted:
    """The nodes of a quantized ONNX network.

    Args:
        quantized: under a scheme that ONNX has types for.
        drafted: scales are placeholders: real ones will saturate where clips cut off.
    """
    builder = _NodeBuilder(quantized, drafted=drafted)
    for node in quantized.network.nodes:
        builder.add(node)
    return builder.finished()


class _NodeBuilder:
    """Holds what was built so far; `made` maps values of the float network to those of the integer one."""

    def __init__(self, quantized: Quantized, *, drafted: bool) -> None:
        network = quantized.network
        assert isinstance(network, OnnxNetwork)
        self.drafted = drafted
        self.quantized, self.network, self.float = quantized, network, network.graph
        self.tail = set() if drafted or quantized.stated else float_tail(quantized, network)
        self.scales = quantized.plan.scales if quantized.stated else final_scales(quantized, network, self.tail)
        self.readers = network.consumers()
        self.float_ends = set() if quantized.stated else float_ends(network, self.tail)
        self.write = Writer(network.graph)
        self.nodes: list[Node] = []
        self.made: dict[Value, Value] = {value: value for value in network.inputs}
        self._recoded: dict[tuple[Value, Affine], Value] = {}

    @property
    def codes(self) -> IntegerType:
        """The integer type of activations."""
        return self.quantized.scheme.activation_codes.type

    def add(self, node: Node) -> None:
        """Build one node, and what gives its inputs other scales."""
        source = node.activations[0] if node.meaning.clamp is not None else None
        if source is not None and self._does_saturation(node, source):
            self.made[node.output] = self._coded(source, self.scales[source])
        elif (
            source is None
            and group_of(node).integer
            and node.meaning.scales is not Scales.READS
            and node not in self.tail
        ):
            self._integers(node)
        else:
            self._floats(node)

    def finished(self) -> Emitted:
        """All of it, with a DequantizeLinear in front of each output that is made of codes."""
        outputs = tuple(self.made.get(value, value) for value in self.network.outputs)
        ends = []
        for value, made in zip(self.network.outputs, outputs, strict=True):
            if made.affine is not None:
                ends.append(self.write.decode(place_of(made).name, made.affine, value.name))
            elif place_of(made).name != value.name:
                ends.append(self.write.node("Identity", [place_of(made).name], value.name))
        nodes = [member for node in self.nodes for member in cell_of(node).nodes]
        opset = max(self.float.opset, WIDE_OPSET if self.codes.bits > INT8.bits else 0)
        graph = replace(self.write.graph((*nodes, *ends)), opset=opset)
        return Emitted(graph=graph, inputs=self.network.inputs, outputs=outputs, nodes=tuple(self.nodes))

    def _does_saturation(self, node: Node, source: Value) -> bool:
        """Whether a clip is left out; else it is one of floats, and whoever computes on codes rounds what it makes."""
        alone = source not in self.network.outputs and self.readers[source] == [node]
        if not (alone if self.drafted else node in self.quantized.plan.absorbed):
            return False
        readers = self.readers.get(node.output, [])
        on_codes = all(group_of(reader).integer and reader not in self.tail for reader in readers)
        return self.made[source].affine is not None or (on_codes and node.output not in self.network.outputs)

    def _integers(self, node: Node) -> None:
        """DequantizeLinear of each operand, the operator, QuantizeLinear of each result."""
        found, write = group_of(node), self.write
        cell: list[onnx.NodeProto] = []
        inputs = [None if value is None else self._operand(node, at, value) for at, value in enumerate(node.inputs)]
        names = {}
        for value, operand in zip(node.inputs, inputs, strict=True):
            if value is None or operand is None:
                continue
            names[place_of(value).name] = place_of(operand).name
            if operand.affine is not None:
                decoded = write.decode(place_of(operand).name, operand.affine)
                cell.append(decoded)
                names[place_of(value).name] = decoded.output[0]
        stays_float = node in self.float_ends
        outputs = [self._result(value, coded=not stays_float) for value in node.outputs]
        for value in node.outputs:
            name = place_of(value).name
            taken = name in self.float.outputs and not stays_float  # by the DequantizeLinear at the end
            names[name] = write.named(f"{name}/exact", like=name) if taken else name
        members = [renamed(member, names) for member in found.nodes]
        if found.clip is not None and (self.drafted or saturates(node, self.scales[node.output], self.network)):
            names[place_of(node.output).name] = members.pop().input[0]  # what is rounded is the sum, under its own name
        elif found.clip is not None:
            members[-1:-1] = self._held(members[-2].output[0], outputs[0])
            members[-1] = renamed(members[-1], {members[-1].input[0]: members[-2].output[0]})
        cell += members
        for value, made in zip(node.outputs, outputs, strict=True):
            if made.affine is not None:
                cell.append(write.encode(names[place_of(value).name], made.affine, self.codes, place_of(made).name))
        self._append(node, inputs, outputs, self._cell(node, inputs, cell))

    def _cell(self, node: Node, inputs: Sequence[Value | None], nodes: Sequence[onnx.NodeProto]) -> Cell:
        if node.layer is None:
            return Cell(tuple(nodes))
        weights, bias = (inputs[at] if at < len(inputs) else None for at in (WEIGHTS, BIAS))
        assert weights is not None
        bias_name = "" if bias is None else place_of(bias).name
        return Cell(tuple(nodes), group_of(node).nodes[0], place_of(weights).name, bias_name)

    def _held(self, name: str, like: Value) -> list[onnx.NodeProto]:
        """A layer's sum in codes, and back: a clip that no saturation does is computed in floats, the layer is not."""
        assert like.affine is not None
        codes = self.write.named(f"{name}/codes", like=name, dtype=self.codes.dtype)
        encoded = self.write.encode(name, like.affine, self.codes, codes)
        return [encoded, self.write.decode(codes, like.affine)]

    def _floats(self, node: Node) -> None:
        """The operators themselves, behind a DequantizeLinear of what is there in codes only."""
        cell, names = [], {}
        inputs = [None if value is None else self.made.get(value, value) for value in node.inputs]
        for value, made in zip(node.inputs, inputs, strict=True):
            if value is not None and made is not None and made.affine is not None:
                decoded = self.write.decode(place_of(made).name, made.affine)
                cell.append(decoded)
                names[place_of(value).name] = decoded.output[0]
        cell += [renamed(member, names) for member in group_of(node).nodes]
        self.made.update({value: value for value in node.outputs})
        self._append(node, inputs, node.outputs, Cell(tuple(cell)))

    def _append(self, node: Node, inputs: Sequence[Value | None], outputs: Sequence[Value], cell: Cell) -> None:
        layer = node.layer
        if layer is not None:
            made = self.quantized.layers[node]
            layer = replace(layer, weights=made.weights, bias=made.bias)
        self.nodes.append(replace(node, inputs=tuple(inputs), outputs=tuple(outputs), layer=layer, handle=cell))

    def _operand(self, node: Node, at: int, value: Value) -> Value:
        """What an integer operator reads of a value."""
        if node.layer is not None and at in (WEIGHTS, BIAS):
            return self._layer_constant(node, at, value)
        if not value.is_data:
            return self.made.get(value, value)
        affine = self.quantized.plan.read_as(node, at)
        if value.data is not None:
            return self._constant(value, affine)
        moved = self.quantized.stated and node.meaning.moves
        own = moved or affine == self.quantized.plan.scales[value]
        return self._coded(value, self.scales[value] if own else affine)

    def _layer_constant(self, node: Node, at: int, value: Value) -> Value:
        layer, first = self.quantized.layers[node], group_of(node).nodes[0]
        if at == WEIGHTS:
            codes, affine = as_stored(first, layer.weights), replace(layer.affine, axis=channel_axis(first))
        else:
            assert layer.bias is not None
            assert layer.bias_affine is not None
            codes, affine = layer.bias, layer.bias_affine
        name = self.write.constant(f"{place_of(value).name}/codes", codes)
        return replace(value, dtype=codes.dtype, data=codes, affine=affine, handle=ReadPlace(name, 0))

    def _constant(self, value: Value, affine: Affine) -> Value:
        assert value.data is not None
        codes, place = affine.encode(value.data, self.codes), place_of(value)
        name = self.write.constant(f"{place.name}/codes", back(codes, place.axis))
        return replace(value, dtype=codes.dtype, data=codes, affine=affine, handle=ReadPlace(name, place.axis))

    def _result(self, value: Value, *, coded: bool) -> Value:
        """An activation that an integer operator makes: codes under the float one's name, if it gets a scale."""
        self.made[value] = self._in_codes(value, self.scales[value]) if value.is_data and coded else value
        return self.made[value]

    def _in_codes(self, value: Value, affine: Affine) -> Value:
        place = place_of(value)
        name = self.write.named(f"{value.name}/codes", like=value.name, dtype=self.codes.dtype)
        return replace(value, dtype=self.codes.dtype, affine=affine, handle=ReadPlace(name, place.axis))

    def _coded(self, value: Value, affine: Affine) -> Value:
        """An activation in codes of a scale; made with one more node where it is not there."""
        made = self.made[value]
        if made.affine == affine:
            return made
        if (made, affine) not in self._recoded:
            coded = self._in_codes(value, affine)
            coded = replace(coded, name=place_of(coded).name)
            name, nodes = place_of(made).name, []
            if made.affine is not None:
                nodes = [self.write.decode(name, made.affine)]
                name = nodes[0].output[0]
            nodes.append(self.write.encode(name, affine, self.codes, place_of(coded).name))
            cell = Cell(tuple(nodes))
            self.nodes.append(
                Node(kind="QuantizeLinear", inputs=(made,), outputs=(coded,), meaning=_RESCALES, handle=cell)
            )
            self._recoded[made, affine] = coded
        return self._recoded[made, affine]


def cell_of(node: Node) -> Cell:
    """What a node of an integer network stands for."""
    assert isinstance(node.handle, Cell)
    return node.handle
