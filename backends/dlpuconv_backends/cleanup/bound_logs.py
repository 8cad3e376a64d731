"""LOG(EXP(x) + 1) -> RELU(x) - r(x), LOG(LOGISTIC(x)) -> MINIMUM(x, 0) + r(x), r(x) = LOG(LOGISTIC(ABS(x))).

LOG(EXP(a) + EXP(b)) -> MAXIMUM(a, b) - r(a - b). These are Softplus (and with it Mish), LogSigmoid and logaddexp: one
step of an int8 EXP(x) of x up to 12 is 640, and an int8 LOGISTIC is 0 below -6, where its logarithm is still x. The
remainder r is in [-log(2), 0], whatever x is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.flatbuffer.edit import (
    add,
    bounded,
    fused_activation,
    like,
    operand,
    replace_each,
    scalar,
    scalar_value,
    sub,
    unary,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor


def bound_logs(graph: Graph) -> int:
    """Rewrite every LOG of one of these; how many there were."""
    producers = graph.producers()
    return len(replace_each(graph, "LOG", lambda op: _stable(op, producers)))


def softplus_operand(value: Tensor | None, producers: Mapping[Tensor, Operator]) -> Tensor | None:
    """The x of a value that is LOG(EXP(x) + 1)."""
    log = producers.get(value) if value is not None else None
    return _exponent_beside_one(log, producers) if log is not None and log.kind == "LOG" else None


def _exponent_beside_one(log: Operator, producers: Mapping[Tensor, Operator]) -> Tensor | None:
    a, b = _summands(log, producers)
    for power, one in ((a, b), (b, a)):
        if one is not None and scalar_value(one) == 1.0:
            return operand(power, "EXP", producers)
    return None


def _summands(log: Operator, producers: Mapping[Tensor, Operator]) -> tuple[Tensor | None, Tensor | None]:
    total = producers.get(log.input(0))
    if total is None or total.kind != "ADD" or fused_activation(total):
        return None, None
    return total.input(0), total.input(1)


def _stable(op: Operator, producers: Mapping[Tensor, Operator]) -> list[Operator] | None:
    x = operand(op.input(0), "LOGISTIC", producers)
    if x is not None:
        return _log_sigmoid(op, x)
    x = _exponent_beside_one(op, producers)
    if x is not None:
        return _softplus(op, x)
    a, b = (operand(tensor, "EXP", producers) for tensor in _summands(op, producers))
    return _log_add_exp(op, a, b) if a is not None and b is not None else None


def _softplus(op: Operator, x: Tensor) -> list[Operator]:
    out, line = op.output, like(op.output, "line")
    rest, made = _remainder(op, x)
    return [*made, unary("RELU", x, line, op.source_name), sub(line, rest, out, op.source_name)]


def _log_sigmoid(op: Operator, x: Tensor) -> list[Operator]:
    out, line = op.output, like(op.output, "line")
    rest, made = _remainder(op, x)
    below = bounded("MINIMUM", x, scalar(f"{out.name}_zero", 0.0), line, op.source_name)
    return [*made, below, add(line, rest, out, op.source_name)]


def _log_add_exp(op: Operator, a: Tensor, b: Tensor) -> list[Operator]:
    out, larger, apart = op.output, like(op.output, "larger"), like(op.output, "apart")
    rest, made = _remainder(op, apart)
    above = bounded("MAXIMUM", a, b, larger, op.source_name)
    return [sub(a, b, apart, op.source_name), *made, above, sub(larger, rest, out, op.source_name)]


def _remainder(op: Operator, x: Tensor) -> tuple[Tensor, list[Operator]]:
    """LOG(LOGISTIC(ABS(x))), and what makes it."""
    magnitude, sigmoid, rest = (like(op.output, suffix) for suffix in ("magnitude", "sigmoid", "rest"))
    steps = (("ABS", x, magnitude), ("LOGISTIC", magnitude, sigmoid), ("LOG", sigmoid, rest))
    return rest, [unary(kind, source, result, op.source_name) for kind, source, result in steps]
