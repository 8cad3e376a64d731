"""NEG(x) -> MUL(x, -1): the int8 kernel of NEG negates codes, which is wrong for any zero point but 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import mul, replace_each, scalar

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float NEG; the names of those."""
    return replace_each(graph, "NEG", _product)


def _product(op: Operator) -> list[Operator] | None:
    if op.output.dtype.kind != "f":
        return None
    return [mul(op.input(0), scalar(f"{op.output.name}_minus_one", -1.0), op.output, op.source_name)]
