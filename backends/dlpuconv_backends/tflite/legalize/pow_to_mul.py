"""POW(x, 2) -> MUL(x, x), POW(x, 3) -> MUL(MUL(x, x), x), POW(x, 0.5) -> SQRT(x), POW(x, -0.5) -> RSQRT(x).

POW has no int8 kernel. An exponent of -1 becomes a DIV, which `div_to_mul` takes on; other quarters up to 4 become
products of x, SQRT(x) and SQRT(SQRT(x)), or of RSQRT(x) and its root. What else there is stays, and is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Operator
from dlpuconv_backends.flatbuffer.edit import like, mul, replace_each, scalar, scalar_value, unary

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph

_LARGEST = 4.0


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
    return _roots(op, exponent) if exponent is not None and abs(exponent) <= _LARGEST else None


def _roots(op: Operator, exponent: float) -> list[Operator] | None:
    """A product of roots, whose exponents are quarters."""
    base, out, name = op.input(0), op.output, op.source_name
    quarters, made = abs(exponent) * 4, []
    if exponent < 0:
        base, quarters = like(out, "rsqrt"), quarters * 2
        made.append(unary("RSQRT", op.input(0), base, name))
    if not quarters or quarters != int(quarters):
        return None
    root, fourth = like(out, "root"), like(out, "fourth")
    factors = [base] * int(quarters // 4)
    if quarters % 4:
        made.append(unary("SQRT", base, root, name))
    if quarters % 4 >= 2:
        factors.append(root)
    if quarters % 2:
        made.append(unary("SQRT", root, fourth, name))
        factors.append(fourth)
    if len(factors) == 1:
        made[-1].outputs = [out]
        return made
    product = factors[0]
    for index, factor in enumerate(factors[1:], 2):
        result = out if index == len(factors) else like(out, f"product_{index}")
        made.append(mul(product, factor, result, name))
        product = result
    return made
