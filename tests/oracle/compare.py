"""Two integer TFLite files of one model, and in what they differ.

Operators are paired in order, by their kind, fused activation and output shape, as many of them as can be; what has no
partner is counted by kind. Of pairs, versions, types and scales are compared.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, decode
from dlpuconv_backends.flatbuffer.edit import fused_activation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_APART = 0.01
"""By how much of itself a scale may differ."""
_ACTIVATIONS = {
    code: name for name, code in vars(schema.ActivationFunctionType).items() if not name.startswith("_") and code
}


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One thing in which two files differ.

    Attributes:
        model: of which both are files.
        what: the operator and what of it.
        ours: what it is in our file: a count, version, type, or how its scale compares.
        theirs: likewise.
    """

    model: str
    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class _File:
    operators: list[Operator]
    versions: list[int]

    @classmethod
    def read(cls, content: bytes) -> _File:
        graph: Graph = decode(content)
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        return cls(
            graph.operators, [model.operatorCodes[op.opcodeIndex].version for op in model.subgraphs[0].operators]
        )

    def keys(self) -> list[tuple[str, tuple[int, ...]]]:
        """What operators are paired by."""
        return [(_label(op), op.output.shape) for op in self.operators]


def differences(model: str, ours: bytes, theirs: bytes) -> Iterator[Difference]:
    """Every difference, each once however often it occurs in the model."""
    mine, other = _File.read(ours), _File.read(theirs)
    a, b = mine.keys(), other.keys()
    found = dict.fromkeys(_unpaired(a, b))
    for i, j in pairs(a, b):
        found |= dict.fromkeys(_of_pair(mine, i, other, j))
    for what, ours_is, theirs_is in found:
        yield Difference(model, what, ours_is, theirs_is)


type _Found = tuple[str, str, str]


def pairs[T](a: Sequence[T], b: Sequence[T]) -> Iterator[tuple[int, int]]:
    """Positions in a longest common subsequence; of several, the one that is paired earliest."""
    longest = np.zeros((len(a) + 1, len(b) + 1), np.int64)  # of what is left from both positions on
    for i, j in product(reversed(range(len(a))), reversed(range(len(b)))):
        longest[i, j] = longest[i + 1, j + 1] + 1 if a[i] == b[j] else max(longest[i + 1, j], longest[i, j + 1])
    i = j = 0
    while longest[i, j]:
        if a[i] == b[j]:
            yield i, j
            i, j = i + 1, j + 1
        elif longest[i + 1, j] == longest[i, j]:
            i += 1
        else:
            j += 1


def _unpaired(a: list[tuple[str, tuple[int, ...]]], b: list[tuple[str, tuple[int, ...]]]) -> Iterator[_Found]:
    """How many operators there are of each kind, where that differs; the order where only that does."""
    mine, other = Counter(label for label, _ in a), Counter(label for label, _ in b)
    for label in sorted(mine.keys() | other.keys()):
        if mine[label] != other[label]:
            yield label, str(mine[label]), str(other[label])
    if mine == other and sorted(a) != sorted(b):
        yield "shapes", "other", "other"


def _of_pair(mine: _File, i: int, other: _File, j: int) -> Iterator[_Found]:
    op, like = mine.operators[i], other.operators[j]
    if mine.versions[i] > other.versions[j]:
        yield f"{op.kind}: version", str(mine.versions[i]), str(other.versions[j])
    if len(op.inputs) != len(like.inputs):
        yield f"{op.kind}: operands", str(len(op.inputs)), str(len(like.inputs))
        return
    operands = [(f"operand {n}", x, y) for n, (x, y) in enumerate(zip(op.inputs, like.inputs, strict=True))]
    results = [(f"result {n}", x, y) for n, (x, y) in enumerate(zip(op.outputs, like.outputs, strict=True))]
    for place, x, y in operands + results:
        if x is None or y is None:
            if x is not y:
                yield f"{op.kind}: {place}", "absent" if x is None else "there", "absent" if y is None else "there"
            continue
        yield from _of_tensors(f"{op.kind}: {place}", x, y)


def _of_tensors(where: str, x: Tensor, y: Tensor) -> Iterator[_Found]:
    if x.dtype != y.dtype:
        yield f"{where}, type", x.dtype.name, y.dtype.name
    p, q = x.quantization, y.quantization
    if p is None or q is None:
        if x.dtype.itemsize == 1 and p is not q:
            yield f"{where}, scale", "none" if p is None else "there", "none" if q is None else "there"
    elif len(p.scales) != len(q.scales):
        yield f"{where}, scales", str(len(p.scales)), str(len(q.scales))
    elif any(abs(s - t) > MOST_APART * t for s, t in zip(p.scales, q.scales, strict=True)):
        yield f"{where}, scale", *(("finer", "coarser") if p.scale < q.scale else ("coarser", "finer"))
    elif any(abs(s - t) > 1 for s, t in zip(p.zero_points, q.zero_points, strict=True)):
        yield f"{where}, zero point", str(p.zero_point), str(q.zero_point)


def _label(op: Operator) -> str:
    fused = fused_activation(op)
    return f"{op.kind}+{_ACTIVATIONS[fused]}" if fused else op.kind
