"""QLinear operators -> DequantizeLinear, the float operator, QuantizeLinear.

Operands by the schemas of ONNX and of ONNX Runtime's contributed operators.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.errors import ModelError, UnsupportedModelError
from dlpuconv.ir.nodes import label

if TYPE_CHECKING:
    from collections.abc import Iterator

    import onnx

    from dlpuconv.frontends.quantized.constants import GraphConstants

type _Triple = tuple[int, int, int]
"""Positions of codes, scale and zero point among a node's inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one operator is spelled.

    Attributes:
        operator: of real numbers.
        operands: in the order in which that reads them.
        result: positions of the result's scale and zero point.
        plain: positions of operands in front that are no codes.
        bias: position of int32 codes scaled by the product of both operands' scales; 0 without.
    """

    operator: str
    operands: tuple[_Triple, ...] = ((0, 1, 2),)
    result: tuple[int, int] = (3, 4)
    plain: tuple[int, ...] = ()
    bias: int = 0


_TWO: Final = ((0, 1, 2), (3, 4, 5))
_MICROSOFT: Final = "com.microsoft"
_FORMS: Final = {
    "QLinearConv": _Form(operator="Conv", operands=_TWO, result=(6, 7), bias=8),
    "QLinearMatMul": _Form(operator="MatMul", operands=_TWO, result=(6, 7)),
    "QGemm": _Form(operator="Gemm", operands=_TWO, result=(7, 8), bias=6),
    "QLinearAdd": _Form(operator="Add", operands=_TWO, result=(6, 7)),
    "QLinearMul": _Form(operator="Mul", operands=_TWO, result=(6, 7)),
    "QLinearSigmoid": _Form(operator="Sigmoid"),
    "QLinearLeakyRelu": _Form(operator="LeakyRelu"),
    "QLinearSoftmax": _Form(operator="Softmax"),
    "QLinearGlobalAveragePool": _Form(operator="GlobalAveragePool"),
    "QLinearAveragePool": _Form(operator="AveragePool"),
    "QLinearReduceMean": _Form(operator="ReduceMean"),
    "QLinearWhere": _Form(operator="Where", operands=((1, 2, 3), (4, 5, 6)), result=(7, 8), plain=(0,)),
}
_CONCAT: Final = "QLinearConcat"
CONTRIBUTED: Final = frozenset(_FORMS) - {"QLinearConv", "QLinearMatMul"} | {_CONCAT}
"""Operators of ONNX Runtime's own domain that are read."""
_FOREIGN_ATTRIBUTES: Final = {"channels_last", "opset"}
_SOFTMAX_BY_AXIS: Final = 13
"""The opset from which a Softmax normalizes along one axis, and not over all from it on."""
_AXES_ARE_INPUT: Final = 18
"""The opset from which a ReduceMean reads its axes."""


def is_spelled(node: onnx.NodeProto) -> bool:
    """Whether the node is one of these operators."""
    if node.domain:
        return node.domain == _MICROSOFT and (node.op_type in _FORMS or node.op_type == _CONCAT)
    return node.op_type in ("QLinearConv", "QLinearMatMul")


class Speller:
    """Spells the operators of one graph.

    Attributes:
        results: by the codes that an operator made, the real numbers that they stand for.
    """

    def __init__(self, graph: onnx.GraphProto, constants: GraphConstants, opset: int) -> None:
        self.results: dict[str, str] = {}
        self._graph = graph
        self._constants = constants
        self._opset = opset
        self._taken = {name for node in graph.node for name in node.output}
        self._taken |= {each.name for each in (*graph.input, *graph.initializer)}

    def spelled(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        """The nodes that say the same with real numbers in the middle.

        Raises:
            ModelError: it has too few operands.
            UnsupportedModelError: it computes what no float operator does.
        """
        form = _concat(node) if node.op_type == _CONCAT else _FORMS[node.op_type]
        if len(node.input) <= max(form.operands[-1][0], form.result[0] if form.operator != "Gemm" else 0):
            raise ModelError(
                f"{label(node)} has {len(node.input)} inputs, fewer than it needs", id="quantization-invalid"
            )
        self._demand_plain(node)
        real = [node.input[position] for position in form.plain]
        for position, operand in enumerate(form.operands):
            yield (pair := self._real(node, operand, _axis(node, position)))
            real.append(pair.output[0])
        if form.bias and len(node.input) > form.bias and node.input[form.bias]:
            yield (pair := self._bias(node, form))
            real.append(pair.output[0])
        yield from self._computed(node, form, real)

    def _computed(self, node: onnx.NodeProto, form: _Form, real: list[str]) -> Iterator[onnx.NodeProto]:
        import onnx

        made, numbers = node.output[0], [_input(node, position) for position in form.result]
        coded = bool(numbers[0])
        result = self.unique(f"{made}_real") if coded else made
        attributes = [each for each in node.attribute if each.name not in _FOREIGN_ATTRIBUTES]
        if form.operator == "ReduceMean" and self._opset >= _AXES_ARE_INPUT:
            axes = next((list(each.ints) for each in attributes if each.name == "axes"), None)
            attributes = [each for each in attributes if each.name != "axes"]
            real += [self._constant(np.asarray(axes, np.int64), f"{made}_axes")] if axes else []
        found = onnx.helper.make_node(form.operator, real, [result], name=node.name)
        found.attribute.extend(attributes)
        found.metadata_props.extend(node.metadata_props)
        yield found
        if coded:
            self.results[made] = result
            yield onnx.helper.make_node("QuantizeLinear", [result, *filter(None, numbers)], [made])

    def _real(self, node: onnx.NodeProto, operand: _Triple, axis: int) -> onnx.NodeProto:
        import onnx

        names = [_input(node, position) for position in operand]
        made = self.unique(f"{names[0]}_real")
        read = names if names[2] else names[:2]
        return onnx.helper.make_node("DequantizeLinear", read, [made], name=node.name, axis=axis)

    def _bias(self, node: onnx.NodeProto, form: _Form) -> onnx.NodeProto:
        import onnx

        scales = [self._constants.reals(_input(node, operand[1])) for operand in form.operands]
        if scales[0] is None or scales[1] is None:
            raise UnsupportedModelError(
                f"{label(node)}: its scales are not constant, and only constant scales can be read",
                id="quantization-not-constant",
            )
        alpha = next((each.f for each in node.attribute if each.name == "alpha"), 1.0)
        scale = np.asarray(scales[0] * scales[1] * np.float32(alpha), np.float32)
        named = self._constant(scale, f"{node.input[form.bias]}_scale")
        made = self.unique(f"{node.input[form.bias]}_real")
        return onnx.helper.make_node("DequantizeLinear", [node.input[form.bias], named], [made], axis=-1)

    def _demand_plain(self, node: onnx.NodeProto) -> None:
        """Check that its attributes ask for nothing that the float operator does not do."""
        said = {attribute.name: attribute.i for attribute in node.attribute}
        if said.get("channels_last"):
            raise UnsupportedModelError(
                f"{label(node)} computes with channels last, as ONNX Runtime's optimizer makes it: convert the model as"
                " it was before that",
                id="quantization-unreadable",
            )
        older = said.get("opset", self._opset) < _SOFTMAX_BY_AXIS
        if (
            node.op_type == "QLinearSoftmax"
            and said.get("axis", -1) != -1
            and older != (self._opset < _SOFTMAX_BY_AXIS)
        ):
            raise UnsupportedModelError(
                f"{label(node)} is a Softmax of opset {said['opset']}, which computes something else than one of the"
                " model's opset",
                id="quantization-unreadable",
            )

    def _constant(self, values: np.typing.NDArray[np.generic], hint: str) -> str:
        import onnx

        tensor = onnx.numpy_helper.from_array(values, self.unique(hint))
        self._graph.initializer.append(tensor)
        self._constants.add(tensor)
        return tensor.name

    def unique(self, hint: str) -> str:
        """A name that nothing in the graph has."""
        name = next(name for number in count() if (name := f"{hint}_{number}" if number else hint) not in self._taken)
        self._taken.add(name)
        return name


def _concat(node: onnx.NodeProto) -> _Form:
    starts = range(2, len(node.input) - 1, 3)
    if not starts:
        raise ModelError(f"{label(node)} has {len(node.input)} inputs, fewer than it needs", id="quantization-invalid")
    return _Form(operator="Concat", operands=tuple((at, at + 1, at + 2) for at in starts), result=(0, 1))


def _input(node: onnx.NodeProto, position: int) -> str:
    return node.input[position] if position < len(node.input) else ""


def _axis(node: onnx.NodeProto, position: int) -> int:
    """The axis of an operand that several scales lie along: the one of the results of a multiplication."""
    if node.op_type == "QLinearConv":
        return 0
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return (0 if transposed else -1) if position else -2
