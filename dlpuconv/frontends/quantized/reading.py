"""A quantized graph becomes the float graph that its integers stand for, and what it says of scales is kept beside it.

Every pair of QuantizeLinear and DequantizeLinear goes, and stored integers become real numbers.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends.cut import remove_dead
from dlpuconv.frontends.node_names import name_nodes
from dlpuconv.frontends.quantized import moves
from dlpuconv.frontends.quantized.coded import Coded, code_range, same_codes
from dlpuconv.frontends.quantized.codes import dequantized, quantized
from dlpuconv.frontends.quantized.constants import CODES, Codes, GraphConstants
from dlpuconv.frontends.quantized.dynamic import DYNAMIC, dynamic_products, told_of_products
from dlpuconv.frontends.quantized.lower_bounds import LowerBounds
from dlpuconv.frontends.quantized.parameters import parameters_of
from dlpuconv.frontends.quantized.spelling import Speller, is_spelled
from dlpuconv.frontends.quantized.statements import Statements
from dlpuconv.ir.given_scales import NOT_GIVEN, GivenScales
from dlpuconv.ir.nodes import free_names, label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dlpuconv.frontends.quantized.parameters import Parameters

_DOMAINS: Final = ("", "com.microsoft")
_PAD_VALUE: Final = 2
_SIX: Final = 6.0
_CLIP_READS_BOUNDS: Final = 11
"""The opset since which a Clip's bounds are inputs."""


def said_behind(model: onnx.ModelProto, names: Sequence[str]) -> dict[str, Parameters]:
    """How these values are quantized, by name: a graph that ends at them loses the QuantizeLinear that says it.

    Raises:
        ModelError: a scale or zero point cannot be.
        UnsupportedModelError: it is computed.
    """
    nodes = model.graph.node
    behind = [node for node in nodes if _is(node, "QuantizeLinear") and node.input and node.input[0] in names]
    if not behind:
        return {}
    constants = GraphConstants(model.graph, _opset(model))
    for node in nodes:
        constants.follow(node)
    return {node.input[0]: parameters_of(node, constants) for node in reversed(behind)}


def read_quantized(model: onnx.ModelProto, ends: Mapping[str, Parameters]) -> GivenScales:
    """Make a quantized model one of real numbers, in place, and tell the scales that it states.

    Args:
        model: its main graph flat and in running order; left as it is if it is not quantized.
        ends: see `said_behind`; taken before the graph was cut.

    Raises:
        ModelError: a scale or zero point cannot be.
        UnsupportedModelError: integers are computed with in a way that no real numbers stand for.
    """
    graph = model.graph
    quantizing = (_is(node, "QuantizeLinear", "DequantizeLinear", DYNAMIC) or is_spelled(node) for node in graph.node)
    if not ends and not any(quantizing):
        return NOT_GIVEN
    reader = _Reader(graph, _opset(model))
    for node in graph.node:
        reader.read(node)
    for name, said in ends.items():
        reader.end(name, said)
    return reader.finish()


class _Reader:
    """Reads the nodes of one graph in running order."""

    def __init__(self, graph: onnx.GraphProto, opset: int) -> None:
        self._graph, self._opset = graph, opset
        self._constants = GraphConstants(graph, opset)
        self._lowest = LowerBounds(graph, self._constants)
        self._speller = Speller(graph, self._constants, opset)
        self._statements = Statements()
        self._products = dynamic_products(graph, self._constants)
        if self._products:
            self._statements.tell(told_of_products(len(self._products)))
        self._nodes: list[onnx.NodeProto] = []
        self._real: dict[str, str] = {}
        self._coded: dict[str, Coded] = {}
        self._cut_off: dict[str, str] = {}
        self._captured: set[str] = set()
        for name, node in moves.coded_inputs(graph).items():
            self._take_input(name, node)
        for name, node in moves.chosen_constants(graph).items():
            self._take_constant(name, node)

    def read(self, node: onnx.NodeProto) -> None:
        """Take one node over, or what it says."""
        if not node.input or not node.output:
            self._compute(node)  # whoever checks the graph will say what is wrong with it
        elif node.output[0] in self._products:
            for part in self._products.pop(node.output[0]):
                self.read(part)
        elif is_spelled(node):
            for part in self._speller.spelled(node):
                self.read(part)
        elif _is(node, "QuantizeLinear"):
            self._quantize(node)
        elif _is(node, "DequantizeLinear"):
            self._dequantize(node)
        elif _is(node, "Clip") and self._constants.holds_codes(node.input[0]):
            self._clip_constant(node)
        elif any(name in self._coded for name in free_names(node)):
            self._compute_on_codes(node)
        else:
            self._compute(node)

    def end(self, name: str, said: Parameters) -> None:
        """A value that the graph ends at, and how it is quantized."""
        self._statements.of_value(self._real.get(name, name), said)

    def finish(self) -> GivenScales:
        """Write the graph, and tell what it stated."""
        del self._graph.node[:], self._graph.value_info[:]
        for output in self._graph.output:
            if output.name in self._coded:
                self._statements.tell(
                    f"the output {output.name!r} holds integers: dlpuconv gives the real values that they stand for"
                )
                output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        renamed = self._keep_names([output.name for output in self._graph.output])
        for node in self._nodes:
            for names in (node.input, node.output):
                names[:] = [renamed.get(name, name) for name in names]
        self._graph.node.extend(self._nodes)
        remove_dead(self._graph)
        name_nodes(self._graph)
        return self._statements.given(self._graph, renamed)

    # -- nodes -----------------------------------------------------------------

    def _quantize(self, node: onnx.NodeProto) -> None:
        said = parameters_of(node, self._constants)
        source = self._real.get(node.input[0], node.input[0])
        values = self._constants.reals(source)
        if values is not None:
            self._constants.hold(node.output[0], quantized(values, said, label(node)))
        else:
            self._coded[node.output[0]] = Coded.of(source, said)

    def _dequantize(self, node: onnx.NodeProto) -> None:
        read, made = node.input[0], node.output[0]
        codes = self._constants.codes(read)
        if codes is not None:
            said = parameters_of(node, self._constants, codes.type)
            self._put_constant(made, dequantized(codes.values, said, label(node)))
            self._statements.of_constant(made, said)
            return
        coded = self._coded.get(read)
        if coded is None:
            raise UnsupportedModelError(
                f"{label(node)} reads {read!r}, which no QuantizeLinear has made: convert the model that it was made"
                " from",
                id="quantization-unreadable",
            )
        said = parameters_of(node, self._constants, coded.said.codes)
        if not same_codes(said, coded.said):
            raise UnsupportedModelError(
                f"{label(node)} reads {read!r} with another scale than it was made with", id="quantization-unreadable"
            )
        self._real[made] = self._real_of(read)

    def _compute(self, node: onnx.NodeProto) -> None:
        """A node of real numbers, and of integers that are no codes."""
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        for name in sorted(free_names(node) - set(node.input)):  # a subgraph reads it by this name
            self._captured.add(name)
            if name in self._real:
                self._nodes.append(onnx.helper.make_node("Identity", [self._real.pop(name)], [name]))
        copy.input[:] = [self._real.get(name, name) for name in node.input]
        self._nodes.append(copy)
        self._lowest.follow(copy)
        self._constants.follow(node)

    def _compute_on_codes(self, node: onnx.NodeProto) -> None:
        coded = [name for name in node.input if name in self._coded]
        if _is(node, "Clip") and node.input[0] in self._coded:
            self._clip(node)
        elif moves.moved(node, self._coded) and self._alike(coded):
            self._move(node, self._coded[coded[0]])
        elif moves.ranks(node):
            self._real |= {coded[0]: self._real_of(coded[0])}
            self._compute(node)
        else:
            raise UnsupportedModelError(
                moves.refusal(node, sorted(free_names(node) & self._coded.keys())), id="quantization-unreadable"
            )

    def _clip(self, node: onnx.NodeProto) -> None:
        """A range of codes narrower than their type's: [-127, 127], or fewer bits."""
        coded = self._coded[node.input[0]]
        low, high = code_range(node, self._constants, coded.low, coded.high)
        self._coded[node.output[0]] = replace(coded, low=low, high=high)

    def _clip_constant(self, node: onnx.NodeProto) -> None:
        codes = self._constants.codes(node.input[0])
        assert codes is not None
        low, high = code_range(node, self._constants, codes.type.lowest, codes.type.highest)
        self._constants.hold(node.output[0], replace(codes, values=np.clip(codes.values, low, high)))

    def _move(self, node: onnx.NodeProto, coded: Coded) -> None:
        made = onnx.NodeProto()
        made.CopyFrom(node)
        made.input[:] = [self._real_of(name) if name in self._coded else name for name in node.input]
        if node.op_type == "Pad":
            self._pad_with_real(made, coded.said)
        self._nodes.append(made)
        self._lowest.follow(made)
        for name in node.output if node.op_type != "MaxPool" else node.output[:1]:
            self._coded[name] = replace(coded, source=name)

    def _pad_with_real(self, node: onnx.NodeProto, said: Parameters) -> None:
        """What codes are padded with is a code, and zero is no zero."""
        mode = next((each.s for each in node.attribute if each.name == "mode"), b"constant")
        if mode != b"constant":
            return
        name = node.input[_PAD_VALUE] if len(node.input) > _PAD_VALUE else ""
        codes = self._constants.codes(name) if name else Codes(np.zeros((), np.int64), said.codes)
        if codes is None or not said.per_tensor:
            raise UnsupportedModelError(
                f"{label(node)} pads quantized values with {name!r}, which is not a constant",
                id="quantization-not-constant",
            )
        made = self._speller.unique(f"{node.output[0]}_padding")
        self._put_constant(made, dequantized(codes.values, said, label(node)))
        node.input[:] = [*node.input[:_PAD_VALUE], made, *node.input[_PAD_VALUE + 1 :]]

    # -- values ----------------------------------------------------------------

    def _take_input(self, name: str, node: onnx.NodeProto) -> None:
        """An input that is fed codes is fed real numbers here."""
        value = next(each for each in self._graph.input if each.name == name)
        codes = CODES.get(value.type.tensor_type.elem_type)
        self._coded[name] = Coded.of(name, parameters_of(node, self._constants, codes))
        value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        self._statements.tell(f"the input {name!r} holds integers: dlpuconv takes the real values that they stand for")

    def _take_constant(self, name: str, node: onnx.NodeProto) -> None:
        """A stored constant that is moved before it is dequantized is dequantized first."""
        codes = self._constants.codes(name)
        assert codes is not None
        said = parameters_of(node, self._constants, codes.type)
        if said.per_tensor:
            real = self._speller.unique(f"{name}_real")
            self._put_constant(real, dequantized(codes.values, said, label(node)))
            self._coded[name] = Coded.of(real, said)

    def _alike(self, names: Sequence[str]) -> bool:
        """Whether the same codes of these values stand for the same numbers."""
        return all(same_codes(self._coded[names[0]].said, self._coded[name].said) for name in names)

    def _real_of(self, name: str) -> str:
        """The real numbers that codes stand for, with what their saturation cuts off below zero cut off by a node."""
        coded = self._coded[name]
        source = coded.source
        if coded.cuts_below_zero and self._lowest[source] < 0:
            if source not in self._cut_off:
                self._cut_off[source] = self._speller.unique(f"{source}_at_least_zero")
                node = self._rectifier(coded, source, self._cut_off[source])
                self._nodes.append(node)
                self._lowest.follow(node)
            source = self._cut_off[source]
        self._statements.of_value(source, coded.narrowed)
        return source

    def _rectifier(self, coded: Coded, source: str, made: str) -> onnx.NodeProto:
        """A Relu, or a Relu6 where the codes end at 6.

        ONNX Runtime's quantizer removes either, since saturation does the same; but with another scale, as behind
        equalized channels, it does not any more.
        """
        if not coded.ends_at(_SIX):
            return onnx.helper.make_node("Relu", [source], [made])
        if self._opset < _CLIP_READS_BOUNDS:
            return onnx.helper.make_node("Clip", [source], [made], min=0.0, max=_SIX)
        bounds = {self._speller.unique(f"{made}_{end:.0f}"): end for end in (0.0, _SIX)}
        for name, end in bounds.items():
            self._put_constant(name, np.array(end, np.float32))
        return onnx.helper.make_node("Clip", [source, *bounds], [made])

    def _put_constant(self, name: str, values: np.typing.NDArray[np.float32]) -> None:
        tensor = onnx.numpy_helper.from_array(values, name)
        self._graph.initializer.append(tensor)
        self._constants.add(tensor)

    def _keep_names(self, outputs: Sequence[str]) -> dict[str, str]:
        """Names that change so that the graph's outputs keep theirs, and results of QLinear operators."""
        fixed = {each.name for each in (*self._graph.input, *self._graph.initializer, *self._graph.output)}
        fixed |= self._captured
        renamed: dict[str, str] = {}
        for name in (*outputs, *self._speller.results):
            if name in self._coded:
                self._real[name] = self._real_of(name)
            source = self._real.get(name, name)
            if source == name:
                continue
            if source not in fixed and source not in renamed:
                renamed[source] = name
            elif name in outputs:
                self._nodes.append(onnx.helper.make_node("Identity", [source], [name]))
                self._statements.repeat(source, name)
        return renamed


def _opset(model: onnx.ModelProto) -> int:
    return next(int(each.version) for each in model.opset_import if not each.domain)


def _is(node: onnx.NodeProto, *operators: str) -> bool:
    return node.domain in _DOMAINS and node.op_type in operators
