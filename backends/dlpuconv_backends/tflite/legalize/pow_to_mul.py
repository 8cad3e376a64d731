"""POW(x, 2) -> MUL(x, x), POW(x, 3) -> MUL(MUL(x, x), x), POW(x, 0.5) -> SQRT(x), POW(x, -0.5) -> RSQRT(x).

POW has no int8 kernel. An exponent of -1 becomes a DIV, which `div_to_mul` takes on; other exponents stay, and are
refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_backends.flatbuffer.edit import like, mul, replace_each, scalar, scalar_value, unary

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph


def rewrite(graph: Graph) -> list[str]:
    """Rewrite every float POW whose exponent is one of these constants; the names of those."""
    return replace_each(graph, "POW", _powers)


def _powers(op: Operator) -> list[Operator] | None:
    x, out, name = op.input(0), op.output, op.source_name
    exponent = scalar_value(op.input(1))
    if out.dtype.kind != "f" or x.shape != out.shape:
        return None
    if exponent == 1:
        return [mul(x, scalar(f"{out.name}_one", 1.0), out, name)]
    if exponent == 2:
        return [mul(x, x, out, name)]
    if exponent in (3, 4):
        square = like(out, "square")
        return [mul(x, x, square, name), mul(square, x if exponent == 3 else square, out, name)]
    if exponent in (0.5, -0.5):
        return [unary("SQRT" if exponent > 0 else "RSQRT", x, out, name)]
    if exponent == -1:
        return [Operator("DIV", [scalar(f"{out.name}_one", 1.0), x], [out], schema.DivOptionsT(), name)]
    return None
