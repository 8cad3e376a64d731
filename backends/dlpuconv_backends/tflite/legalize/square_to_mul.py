"""SQUARE(x) -> MUL(x, x): SQUARE has no int8 kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import mul, replace_each

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every SQUARE; the names of those."""
    return replace_each(graph, "SQUARE", _product)


def _product(op: Operator) -> list[Operator] | None:
    if op.output.dtype.kind != "f":
        return None
    return [mul(op.input(0), op.input(0), op.output, op.source_name)]
