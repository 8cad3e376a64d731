"""GELU(x) -> MUL(m, LOGISTIC(MUL(b, ADD(MUL(MUL(b, b), 2cd), 2c)))) with c = sqrt(2 / pi), d = 0.044715.

This is the form by tanh, as (1 + tanh(z)) / 2 = sigmoid(2z); LOGISTIC has all its codes in [0, 1]. The form by the
error function differs from it by less than 5e-4, which is less than a step of an int8 output that holds [-0.17, 0], and
is spelled in the same way.

m = MAXIMUM(x, -5) and b = MINIMUM(m, 5) change less than 2e-6, as the sigmoid has come to 0 and to 1 there; without
them, the squares of large values would take the codes of small ones.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import add, bounded, like, mul, scalar, unary

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Operator

_TWICE_C = 2 * math.sqrt(2 / math.pi)
_D = 0.044715
_EDGE = 5.0


def spell(op: Operator) -> list[Operator]:
    """Eight operators; the first two are mostly free."""
    out, name = op.output, op.source_name
    seen, near, square, scaled, slope, curve, share = (
        like(out, suffix) for suffix in ("seen", "near", "square", "scaled", "slope", "curve", "share")
    )
    return [
        bounded("MAXIMUM", op.input(0), scalar(f"{seen.name}_bound", -_EDGE), seen, name),
        bounded("MINIMUM", seen, scalar(f"{near.name}_bound", _EDGE), near, name),
        mul(near, near, square, name),
        mul(square, scalar(f"{out.name}_cubic", _TWICE_C * _D), scaled, name),
        add(scaled, scalar(f"{out.name}_linear", _TWICE_C), slope, name),
        mul(near, slope, curve, name),
        unary("LOGISTIC", curve, share, name),
        mul(seen, share, out, name),
    ]
