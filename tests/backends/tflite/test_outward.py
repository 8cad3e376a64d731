"""Which activations' extremes are seen from outside."""

from __future__ import annotations

import pytest

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.outward import leading_out
from tests.backends.tflite.models import activation, constant


def line(*kinds: str) -> Graph:
    """x -> kinds[0] -> t0 -> kinds[1] -> t1 ...; arithmetic has a constant of one element on its right."""
    tensors = [activation("x", 1, 4), *(activation(f"t{index}", 1, 4) for index in range(len(kinds)))]
    operators = []
    for kind, read, made in zip(kinds, tensors, tensors[1:], strict=False):
        more = [constant("c", [2.0])] if kind in ("ADD", "MUL") else []
        operators.append(Operator(kind, [read, *more], [made]))
    return Graph([tensors[0]], [tensors[-1]], operators)


def names(tensors: set[Tensor]) -> set[str]:
    return {tensor.name for tensor in tensors}


@pytest.mark.parametrize(
    "kind", ["LOGISTIC", "SOFTMAX", "TANH", "EXP", "RELU6", "RESHAPE", "CONCATENATION", "MUL", "ADD"]
)
def test_what_keeps_the_order_of_values_leads_out(kind: str) -> None:
    assert names(leading_out(line("CONV_2D", kind))) == {"t0", "t1"}


def test_a_chain_of_such_steps_is_followed() -> None:
    """HardSigmoid, spelled out: RELU6(x + 3) / 6."""
    assert names(leading_out(line("CONV_2D", "ADD", "RELU6", "MUL", "RESHAPE"))) == {"t0", "t1", "t2", "t3", "t4"}


@pytest.mark.parametrize("kind", ["CONV_2D", "HARD_SWISH", "MEAN", "BATCH_MATMUL"])
def test_what_mixes_values_or_turns_their_order_does_not(kind: str) -> None:
    assert names(leading_out(line("RELU", kind))) == {"t1"}


def test_both_factors_of_a_product_of_scores_lead_out() -> None:
    a, b, p, q, y = (activation(name, 1, 4) for name in "abpqy")
    scores = [Operator("LOGISTIC", [a], [p]), Operator("LOGISTIC", [b], [q])]
    assert names(leading_out(Graph([a, b], [y], [*scores, Operator("MUL", [p, q], [y])]))) == set("abpqy")


def test_a_value_times_its_own_gate_does_not_lead_out() -> None:
    """SiLU: x * sigmoid(x)."""
    x, gate, y = (activation(name, 1, 4) for name in ("x", "gate", "y"))
    silu = Graph([x], [y], [Operator("LOGISTIC", [x], [gate]), Operator("MUL", [x, gate], [y])])
    assert names(leading_out(silu)) == {"y"}
