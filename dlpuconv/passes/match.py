"""Small expressions, matched against the nodes that make a value.

A pattern is a number (a constant of one element, about that value), a string (any value; the same string means the same
value), or `Op("Mul", a, b)`. Operands of Add and Mul match in either order.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.passes.editor import Editor

type Pattern = float | str | Op
type Binding = dict[str, onnx_ir.Value]


@dataclass(frozen=True, slots=True)
class Op:
    """An operator of the default domain with patterns for its first inputs."""

    operator: str
    operands: tuple[Pattern, ...]


def op(operator: str, *operands: Pattern) -> Op:
    """Shorter to write than `Op(operator, (...))`."""
    return Op(operator, operands)


def match(editor: Editor, value: onnx_ir.Value | None, pattern: Pattern) -> Binding | None:
    """What the strings of the pattern stand for where it matches, else None."""
    return _match(editor, value, pattern, {})


def first_match(editor: Editor, value: onnx_ir.Value, patterns: tuple[Pattern, ...]) -> Binding | None:
    """The first match among alternatives."""
    return next((found for pattern in patterns if (found := match(editor, value, pattern)) is not None), None)


def _match(editor: Editor, value: onnx_ir.Value | None, pattern: Pattern, known: Binding) -> Binding | None:
    if value is None:
        return None
    if isinstance(pattern, str):
        if pattern in known:
            return known if known[pattern] is value else None
        return {**known, pattern: value}
    if isinstance(pattern, Op):
        node = value.producer()
        if node is None or node.op_type != pattern.operator or node.domain != "":
            return None
        return _match_operands(editor, node, pattern, known)
    number = editor.scalar(value)
    return known if number is not None and np.isclose(number, pattern, rtol=1e-4, atol=1e-7) else None


def _match_operands(editor: Editor, node: onnx_ir.Node, pattern: Op, known: Binding) -> Binding | None:
    if len(node.inputs) < len(pattern.operands):
        return None
    commutes = pattern.operator in ("Add", "Mul")
    for order in permutations(node.inputs) if commutes else [node.inputs]:
        found: Binding | None = known
        for value, operand in zip(order, pattern.operands, strict=False):
            found = _match(editor, value, operand, found) if found is not None else None
        if found is not None:
            return found
    return None
