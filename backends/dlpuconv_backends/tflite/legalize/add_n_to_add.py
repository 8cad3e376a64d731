"""ADD_N(a, b, c) -> ADD(ADD(a, b), c): ADD_N has no int8 kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import add, like, replace_each

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float ADD_N; the names of those."""
    return replace_each(graph, "ADD_N", _chain)


def _chain(op: Operator) -> list[Operator] | None:
    terms = [t for t in op.inputs if t is not None]
    if len(terms) < 2 or op.output.dtype.kind != "f":
        return None
    chain: list[Operator] = []
    total = terms[0]
    for number, term in enumerate(terms[1:], start=1):
        out = op.output if number == len(terms) - 1 else like(op.output, f"sum{number}")
        chain.append(add(total, term, out, op.source_name))
        total = out
    return chain
