"""Activations whose extremes are seen from outside: outputs, and what becomes one value by value, in the same order.

In front of a final LOGISTIC or SOFTMAX, of a scaling or a clamp, the largest value is still what the largest value of
the output is made of. If it saturates, so does the output: a logit that is cut at 0 is a score that never exceeds 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv_backends.tflite.operators import SPECS, Scales, data_inputs
from dlpuconv_backends.tflite.saturation import CLAMPS

if TYPE_CHECKING:
    from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor

_IN_ORDER = frozenset(
    {*CLAMPS, "ELU", "EXP", "LEAKY_RELU", "LOG", "LOGISTIC", "LOG_SOFTMAX", "QUANTIZE", "SOFTMAX", "SQRT", "TANH"}
)
"""Functions of single values (of a row, for softmax) that keep or reverse their order."""
_BY_A_CONSTANT = frozenset({"ADD", "DIV", "MUL", "SUB"})
_SCORES = frozenset({"LOGISTIC", "SOFTMAX"})


def leading_out(graph: Graph) -> set[Tensor]:
    """The outputs, and every activation from which one is made value by value, in order.

    The product of two scores (that there is an object, and of which class) is one, too.

    Args:
        graph: float.
    """
    made_by = {t: op for op in graph.operators for t in op.outputs}
    found = set(graph.outputs)
    for op in reversed(graph.operators):
        if not found.isdisjoint(op.outputs) and _keeps_order(op, made_by):
            found.update(t for _, t in data_inputs(op) if not t.is_constant)
    return found


def _keeps_order(op: Operator, made_by: dict[Tensor, Operator]) -> bool:
    spec = SPECS.get(op.kind)
    if op.kind in _IN_ORDER or (spec is not None and spec.scales is Scales.SAME):
        return True
    inputs = [t for _, t in data_inputs(op)]
    if op.kind in _BY_A_CONSTANT and any(t.is_constant for t in inputs):
        return True
    return op.kind == "MUL" and all(t in made_by and made_by[t].kind in _SCORES for t in inputs)
