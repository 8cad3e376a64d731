"""LSTM, GRU and RNN written out, step by step."""

from __future__ import annotations

import pytest

from dlpuconv.passes import unroll_recurrent
from dlpuconv.passes.unroll_recurrent import LONGEST
from tests.passes.rewriting import Array, ints, model, random, rewrite

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
INPUT, SIZE = 5, 6


def constants(kind: str, directions: int, *, bias: bool = True) -> dict[str, Array]:
    """W, R and B of a layer, small enough that nothing saturates."""
    rows = GATES[kind] * SIZE
    found = {"w": random(directions, rows, INPUT) / 4, "r": random(directions, rows, SIZE) / 4}
    return {**found, "b": random(directions, 2 * rows) / 4} if bias else found


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("steps", "batch"), [(1, 1), (4, 1), (3, 2)])
def test_a_layer_becomes_its_equations(kind: str, direction: str, steps: int, batch: int) -> None:
    count = 2 if direction == "bidirectional" else 1
    source = model(
        f"(float[{steps},{batch},{INPUT}] x) => (float[{steps},{count},{batch},{SIZE}] y)"
        f' {{ y = {kind}<hidden_size={SIZE}, direction="{direction}">(x, w, r, b) }}',
        **constants(kind, count),
    )
    result = rewrite(source, unroll_recurrent.PASS, decibels=110)
    assert result.fired == (1,)
    assert kind not in result.operators
    assert result.operators.count("Tanh") == count * steps * (2 if kind == "LSTM" else 1)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("steps", [1, 3])
def test_both_forms_of_gru_are_known(before: int, steps: int) -> None:
    source = model(
        f"(float[{steps},1,{INPUT}] x, float[1,1,{SIZE}] h) => (float[{steps},1,1,{SIZE}] y, float[1,1,{SIZE}] z)"
        f" {{ y, z = GRU<hidden_size={SIZE}, linear_before_reset={before}>(x, w, r, b, , h) }}",
        **constants("GRU", 1),
    )
    assert rewrite(source, unroll_recurrent.PASS, decibels=110).fired == (1,)


def test_states_come_in_and_go_out() -> None:
    """As voice detectors carry them from one call to the next."""
    source = model(
        f"(float[2,1,{INPUT}] x, float[2,1,{SIZE}] h, float[2,1,{SIZE}] c)"
        f" => (float[2,1,{SIZE}] last, float[2,1,{SIZE}] kept)"
        f' {{ y, last, kept = LSTM<hidden_size={SIZE}, direction="bidirectional">(x, w, r, b, lengths, h, c) }}',
        lengths=ints(2).astype("int32"),
        **constants("LSTM", 2),
    )
    assert rewrite(source, unroll_recurrent.PASS, decibels=110).fired == (1,)


def test_a_bias_is_optional() -> None:
    source = model(
        f"(float[3,1,{INPUT}] x) => (float[3,1,1,{SIZE}] y) {{ y = LSTM<hidden_size={SIZE}>(x, w, r) }}",
        **constants("LSTM", 1, bias=False),
    )
    assert rewrite(source, unroll_recurrent.PASS, decibels=110).fired == (1,)


@pytest.mark.parametrize(
    ("steps", "attributes", "inputs", "reason"),
    [
        (LONGEST + 1, "", "w, r, b", f"it runs over {LONGEST + 1} steps"),
        (3, ", clip=1.0", "w, r, b", "it clips, couples gates or has another layout"),
        (3, ", input_forget=1", "w, r, b", "it clips, couples gates or has another layout"),
        (
            3,
            ', activations=["Sigmoid", "Tanh", "Relu"]',
            "w, r, b",
            "its activation functions are not the default ones",
        ),
        (3, "", "w, r, b, , , , p", "it has peepholes"),
        (3, "", "w, r, b, lengths", "its input sequence_lens is given"),
    ],
)
def test_what_is_unusual_stays_and_says_why(steps: int, attributes: str, inputs: str, reason: str) -> None:
    known = constants("LSTM", 1) | {"p": random(1, 3 * SIZE), "lengths": ints(2).astype("int32")}
    used = {name: known[name] for name in known if name in inputs.replace(",", " ").split()}
    source = model(
        f"(float[{steps},1,{INPUT}] x) => (float[{steps},1,1,{SIZE}] y)"
        f" {{ y = LSTM<hidden_size={SIZE}{attributes}>(x, {inputs}) }}",
        **used,
    )
    result = rewrite(source, unroll_recurrent.PASS)
    assert (result.fired, result.reasons) == ((0,), (reason,))
