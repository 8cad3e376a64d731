"""x * s + (b - m * s) -> (x - m) * s + b: a normalization takes the mean off first.

With s = r * g by a constant g, it becomes (x - m) * r * g + b, as `expand_norms` writes it. TensorFlow's
`batch_normalization`, of which Keras' layer and group normalizations are made, spells it the other way, in which 8 bits
round two large numbers whose difference matters. Needs negatives spelled as `canonical_arithmetic` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx_ir

    type Operands = tuple[onnx_ir.Value, onnx_ir.Value]
    type Offset = tuple[Operands, str, onnx_ir.Value | None]


def centre(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite the sum of two products by one factor, of which one is a row's and perhaps in a sum with a constant."""
    outcome: Outcome = None
    for one, other in _orders(node.inputs):
        scaled = _operands(editor, one, "Mul")
        if scaled is None:
            continue
        for product, operator, bias in _offsets(editor, other):
            for mean, factor in _orders(product):
                if factor not in scaled or editor.array(factor) is not None:
                    continue
                x = scaled[0] if scaled[1] is factor else scaled[1]
                if not _is_of_rows(mean, x) or static_shape(x) != static_shape(node.outputs[0]):
                    outcome = "what is added is not a multiple of a mean"
                    continue
                centred = _centred(editor, node, operator, (x, mean))
                result = _product(editor, node, centred, factor)
                editor.substitute(node, result if bias is None else editor.add(node, "Add", [result, bias]))
                return FIRED
    return outcome


def _offsets(editor: Editor, value: onnx_ir.Value) -> list[Offset]:
    """Ways to read it as a product that is added or subtracted, and what else is added."""
    plain = _operands(editor, value, "Mul")
    if plain is not None:
        return [(plain, "Add", None)]
    found: list[Offset] = []
    for operator in ("Add", "Sub"):
        terms = _operands(editor, value, operator)
        for bias, term in _orders(terms or ())[: 1 if operator == "Sub" else 2]:
            product = _operands(editor, term, "Mul")
            if product is not None and editor.array(bias) is not None:
                found.append((product, operator, bias))
    return found


def _centred(editor: Editor, node: onnx_ir.Node, operator: str, operands: Operands) -> onnx_ir.Value:
    """X with the mean added or taken off; a mean times -1 is taken off."""
    x, mean = operands
    negated = mean.producer()
    if operator == "Add" and negated is not None and negated.op_type == "Mul":
        for source, sign in _orders(negated.inputs):
            if editor.scalar(sign) == -1.0:
                operator, mean = "Sub", source
    return editor.add(node, operator, [x, mean])


def _product(editor: Editor, node: onnx_ir.Node, x: onnx_ir.Value, factor: onnx_ir.Value) -> onnx_ir.Value:
    """X times a factor, or times each part of it where that is a constant's product with a row's factor."""
    made = factor.producer()
    if made is not None and made.op_type == "Mul":
        for root, gain in _orders(made.inputs):
            if editor.array(gain) is not None and _is_of_rows(root, x):
                return editor.add(node, "Mul", [editor.add(node, "Mul", [x, root]), gain])
    return editor.add(node, "Mul", [x, factor])


def _is_of_rows(value: onnx_ir.Value, x: onnx_ir.Value) -> bool:
    """True for one number for several elements of x, which a mean is."""
    given, whole = static_shape(value), static_shape(x)
    return given is not None and whole is not None and len(given) == len(whole) and given != whole


def _operands(editor: Editor, value: onnx_ir.Value, operator: str) -> Operands | None:
    """The operands of the operator that makes a value which is read once."""
    node = value.producer()
    if node is None or node.op_type != operator or editor.only_reader(value) is None:
        return None
    first, second = node.inputs
    return (first, second) if first is not None and second is not None else None


def _orders(values: Sequence[onnx_ir.Value | None]) -> list[Operands]:
    """Two operands in both orders."""
    if len(values) != 2 or values[0] is None or values[1] is None:
        return []
    return [(values[0], values[1]), (values[1], values[0])]


PASS = Rewrite("centre-norms", "normalization that takes the mean off first", ("Add",), centre)
