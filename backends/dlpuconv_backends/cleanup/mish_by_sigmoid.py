"""MUL(x, TANH(LOG(EXP(x) + 1))) -> MUL(n, TANH(LOG(LOGISTIC(n)))) with n = MUL(x, -1): Mish without an exponential.

For log(e^x + 1) is -log(sigmoid(-x)). In 8 bits, EXP of an x up to 12 rounds all that is below 6 to zero; these tables
keep what SiLU keeps. A sigmoid of zero has no logarithm: it is taken as 1e-4, where TANH is -1 in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.cleanup.bound_logs import softplus_operand
from dlpuconv_backends.flatbuffer.edit import bounded, fused_activation, like, mul, operand, replace_each, scalar, unary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_LEAST = 1e-4


def mish_by_sigmoid(graph: Graph) -> int:
    """Rewrite every Mish; how many there were."""
    producers = graph.producers()
    return len(replace_each(graph, "MUL", lambda op: _stable(op, producers)))


def _stable(op: Operator, producers: Mapping[Tensor, Operator]) -> list[Operator] | None:
    a, b = op.input(0), op.input(1)
    if not any(softplus_operand(operand(t, "TANH", producers), producers) is x for x, t in ((a, b), (b, a))):
        return None
    x = a if operand(b, "TANH", producers) is not None else b
    name, out = op.source_name, op.output
    negative, sigmoid, positive, logarithm, factor = (like(out, s) for s in ("n", "sigmoid", "above", "log", "factor"))
    return [
        mul(x, scalar(f"{out.name}_minus_one", -1.0), negative, name),
        unary("LOGISTIC", negative, sigmoid, name),
        bounded("MAXIMUM", sigmoid, scalar(f"{out.name}_least", _LEAST), positive, name),
        unary("LOG", positive, logarithm, name),
        unary("TANH", logarithm, factor, name),
        mul(negative, factor, out, name, fused_activation(op)),
    ]
