"""Einsum -> Transpose, Reshape, MatMul, Mul and ReduceSum.

Needs static shapes. Two operands at a time: what only one of them has and nobody else needs is summed up; indices of
both that nobody else needs are a matrix product, in batches of those that are needed; without any, it is a product of
elements. Repeated indices of one operand are its diagonal. Source: https://onnx.ai/onnx/operators/onnx__Einsum.html.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes import attributes as attrs
from dlpuconv.passes.contract import FIRED, Outcome, Rewrite
from dlpuconv.passes.editor import Editor, static_shape

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import onnx_ir

    type Labels = tuple[str, ...]

_MOST_BATCHES = 2
"""Axes of batches that chips take."""


@dataclass(frozen=True, slots=True)
class _Term:
    """An operand, whole or in between.

    Attributes:
        value: what it holds.
        labels: one for each axis; those of an ellipsis are numbered from the right, as they broadcast.
    """

    value: onnx_ir.Value
    labels: Labels

    @property
    def extents(self) -> dict[str, int]:
        return dict(zip(self.labels, static_shape(self.value) or (), strict=True))


def spell(editor: Editor, node: onnx_ir.Node) -> Outcome:
    """Rewrite one Einsum."""
    dtype, shapes = node.outputs[0].dtype, [static_shape(value) for value in node.inputs]
    if dtype is None or not dtype.is_floating_point() or None in shapes:
        return "it computes with integers, or its shapes are unknown"
    parsed = _parse(attrs.text(node, "equation", ""), [len(shape or ()) for shape in shapes])
    if isinstance(parsed, str):
        return parsed
    operands, result = parsed
    if not _fit(operands, [shape or () for shape in shapes]):
        return "the extents of its inputs do not fit together"
    writer = _Writer(editor, node)
    terms = [
        writer.diagonal(_Term(value, labels))
        for value, labels in zip(node.inputs, operands, strict=True)
        if value is not None
    ]
    while len(terms) > 1:
        needed = {label for term in terms[2:] for label in term.labels} | set(result)
        terms = [writer.pair(terms[0], terms[1], needed), *terms[2:]]
    made = writer.arranged(writer.summed(terms[0], set(result)), result).value
    if made in node.inputs:
        made = editor.add(node, "Identity", [made])
    editor.substitute(node, made)
    return FIRED


def _parse(equation: str, ranks: Sequence[int]) -> tuple[list[Labels], Labels] | str:
    """The labels of each operand and of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = [re.findall(r"\.\.\.|[A-Za-z]", text) for text in left.split(",")]
    if len(terms) != len(ranks):
        return "its equation is not about its inputs"
    spans = [rank - sum(label != "..." for label in term) for term, rank in zip(terms, ranks, strict=True)]
    if any(span < 0 or (span and "..." not in term) for term, span in zip(terms, spans, strict=True)):
        return "its equation is not about its inputs"
    operands = [_expanded(term, span) for term, span in zip(terms, spans, strict=True)]
    if arrow:
        result = re.findall(r"\.\.\.|[A-Za-z]", right)
    else:
        seen = [label for term in terms for label in term]
        result = ["...", *sorted(label for label in set(seen) if label != "..." and seen.count(label) == 1)]
    labels = _expanded(result, max(spans, default=0))
    if len(set(labels)) != len(labels) or not {*labels} <= {label for operand in operands for label in operand}:
        return "its result has other indices than its inputs"
    return operands, labels


def _fit(operands: Sequence[Labels], shapes: Sequence[Sequence[int]]) -> bool:
    """Whether each index has one extent, or 1, and the same on both axes of a diagonal."""
    extents: dict[str, set[int]] = {}
    for labels, shape in zip(operands, shapes, strict=True):
        own = set(zip(labels, shape, strict=True))
        if len(own) != len(set(labels)):
            return False
        for label, extent in own:
            extents.setdefault(label, {1}).add(extent)
    return all(len(found) <= 2 for found in extents.values())  # 1 and one other


def _expanded(term: Sequence[str], span: int) -> Labels:
    dots = tuple(f".{number}" for number in range(span, 0, -1))
    return tuple(part for label in term for part in (dots if label == "..." else (label,)))


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes arithmetic on terms in front of the Einsum."""

    editor: Editor
    node: onnx_ir.Node

    def diagonal(self, term: _Term) -> _Term:
        """The term with its diagonals taken, so that each label occurs once."""
        for label in dict.fromkeys(term.labels):
            while term.labels.count(label) > 1:
                first = term.labels.index(label)
                second = term.labels.index(label, first + 1)
                others = [axis for axis in range(len(term.labels)) if axis not in (first, second)]
                rest, shape = tuple(term.labels[axis] for axis in others), static_shape(term.value) or ()
                value = self._transposed(term.value, [first, second, *others])
                value = self._reshaped(value, [shape[first] ** 2, *(shape[axis] for axis in others)])
                steps = np.arange(shape[first]) * (shape[first] + 1)
                indices = self.editor.constant(steps, f"{self.node.name}_diagonal")
                value = self.editor.add(self.node, "Gather", [value, indices], {"axis": 0})
                term = _Term(value, (label, *rest))
        return term

    def summed(self, term: _Term, needed: Collection[str]) -> _Term:
        """The sum over all labels that are not needed."""
        axes = [axis for axis, label in enumerate(term.labels) if label not in needed]
        if not axes:
            return term
        constant = self.editor.constant(np.asarray(axes, np.int64), f"{self.node.name}_axes")
        total = self.editor.add(self.node, "ReduceSum", [term.value, constant], {"keepdims": 1})
        kept = tuple(label for label in term.labels if label in needed)
        return _Term(self._reshaped(total, [term.extents[label] for label in kept]), kept)

    def arranged(self, term: _Term, labels: Labels) -> _Term:
        """The term with its axes in this order."""
        return _Term(self._transposed(term.value, [term.labels.index(label) for label in labels]), labels)

    def pair(self, a: _Term, b: _Term, needed: Collection[str]) -> _Term:
        """The product of two terms, summed over what is not needed."""
        if self.editor.array(a.value) is not None and self.editor.array(b.value) is None:
            a, b = b, a  # constants stand on the right, as weights do
        a, b = self._without_ones(a, b), self._without_ones(b, a)
        a, b = self.summed(a, {*needed, *b.labels}), self.summed(b, {*needed, *a.labels})
        shared = [label for label in a.labels if label in b.labels]
        contracted = tuple(label for label in shared if label not in needed)
        batch = tuple(label for label in shared if label in needed)
        if contracted:
            return self._matrices(a, b, batch, contracted)
        labels = (*a.labels, *(label for label in b.labels if label not in a.labels))
        sides = [self._stretched(term, labels) for term in (a, b)]
        return _Term(self.editor.add(self.node, "Mul", sides), labels)

    def _matrices(self, a: _Term, b: _Term, batch: Labels, contracted: Labels) -> _Term:
        rows = tuple(label for label in a.labels if label not in (*batch, *contracted))
        columns = tuple(label for label in b.labels if label not in (*batch, *contracted))
        extents = {**a.extents, **b.extents}

        def size(labels: Labels) -> int:
            return math.prod(extents[label] for label in labels)

        batches = [extents[label] for label in batch] if len(batch) <= _MOST_BATCHES else [size(batch)]
        # A stack of rows multiplies a single matrix as it is.
        left = [extents[label] for label in rows] if rows and not batch else [*batches, size(rows)]
        x = self._reshaped(self.arranged(a, (*batch, *rows, *contracted)).value, [*left, size(contracted)])
        y = self._reshaped(
            self.arranged(b, (*batch, *contracted, *columns)).value, [*batches, size(contracted), size(columns)]
        )
        labels = (*batch, *rows, *columns)
        product = self.editor.add(self.node, "MatMul", [x, y])
        return _Term(self._reshaped(product, [extents[label] for label in labels]), labels)

    def _without_ones(self, term: _Term, other: _Term) -> _Term:
        """Without the axes that broadcast to those of the other term."""
        extents, longer = term.extents, other.extents
        kept = tuple(label for label in term.labels if extents[label] != 1 or longer.get(label, 1) == 1)
        return _Term(self._reshaped(term.value, [extents[label] for label in kept]), kept)

    def _stretched(self, term: _Term, labels: Labels) -> onnx_ir.Value:
        """The value with an axis for each label, of extent 1 where it has none."""
        own = self.arranged(term, tuple(label for label in labels if label in term.labels))
        return self._reshaped(own.value, [own.extents.get(label, 1) for label in labels])

    def _transposed(self, value: onnx_ir.Value, order: Sequence[int]) -> onnx_ir.Value:
        if list(order) == sorted(order):
            return value
        return self.editor.add(self.node, "Transpose", [value], {"perm": list(order)})

    def _reshaped(self, value: onnx_ir.Value, shape: Sequence[int]) -> onnx_ir.Value:
        return value if static_shape(value) == tuple(shape) else self.editor.reshape(self.node, value, shape)


PASS = Rewrite("spell-einsum", "Einsum rewritten as matrix products", ("Einsum",), spell)
