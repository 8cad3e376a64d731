"""HARD_SWISH(x) -> MUL(m, MUL(ADD(m, 3), 1/6)) with m = MAXIMUM(x, -3), and a RELU6 fused behind the ADD.

Below -3 the gate is 0, so that m says the same as x, and keeps codes for the values that HARD_SWISH can tell apart: the
quantizer mostly takes a MAXIMUM into the scale of what makes its input, so that the file has none. 1/6 goes to the
gate, where it costs no rounding: the same codes stand for [0, 6] and for [0, 1].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import add, bounded, like, mul, scalar

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Operator

_RELU6 = 3
"""Values of TFLite's ActivationFunctionType."""


def spell(op: Operator) -> list[Operator]:
    """Four operators; the first one is mostly free."""
    out, name = op.output, op.source_name
    seen, gate, share = like(out, "seen"), like(out, "gate"), like(out, "share")
    return [
        bounded("MAXIMUM", op.input(0), scalar(f"{seen.name}_bound", -3.0), seen, name),
        add(seen, scalar(f"{out.name}_three", 3.0), gate, name, _RELU6),
        mul(gate, scalar(f"{out.name}_sixth", 1 / 6), share, name),
        mul(seen, share, out, name),
    ]
