"""Quotients, differences and powers."""

from __future__ import annotations

import pytest

from dlpuconv.passes import canonical_arithmetic
from tests.passes.rewriting import Array, ints, model, positive, random, rewrite, scalar

CASES: list[tuple[str, dict[str, Array], list[str]]] = [
    ("y = Div(x, c)", {"c": scalar(4)}, ["Mul"]),
    ("y = Sub(x, c)", {"c": random(4)}, ["Add"]),
    ("y = Neg(x)", {}, ["Mul"]),
    ("y = Pow(x, c)", {"c": scalar(2)}, ["Mul"]),
    ("y = Pow(x, c)", {"c": scalar(3)}, ["Mul", "Mul"]),
    ("y = Sum(x, x, x)", {}, ["Add", "Add"]),
    ("y = Mean(x, x, c)", {"c": random(4)}, ["Add", "Add", "Mul"]),
    ("e = Exp(x)  y = Pow(e, c)", {"c": scalar(0.5)}, ["Exp", "Sqrt"]),
    ("e = Exp(x)  y = Pow(e, c)", {"c": scalar(0.49999976)}, ["Exp", "Sqrt"]),
    ("e = Exp(x)  y = Pow(e, c)", {"c": scalar(-1)}, ["Exp", "Reciprocal"]),
    ("e = Exp(x)  y = Pow(e, c)", {"c": scalar(-0.5)}, ["Exp", "Sqrt", "Reciprocal"]),
    ("e = Exp(x)  y = Div(c, e)", {"c": scalar(1)}, ["Exp", "Reciprocal"]),
    ("e = Exp(x)  r = Sqrt(e)  y = Div(x, r)", {}, ["Exp", "Sqrt", "Reciprocal", "Mul"]),
    ("e = Exp(x)  y = Div(x, e)", {}, ["Mul", "Exp", "Mul"]),
    (
        "s = ReduceL2<keepdims=1>(x, a)  y = Div(x, s)",
        {"a": ints(1)},
        ["Mul", "ReduceSum", "Sqrt", "Reciprocal", "Mul"],
    ),
    (
        "s = ReduceL2<keepdims=1>(x, a)  b = Clip(s, c)  y = Div(x, b)",
        {"a": ints(1), "c": scalar(1e-12)},
        ["Mul", "ReduceSum", "Clip", "Sqrt", "Reciprocal", "Mul"],
    ),
    ("s = ReduceSumSquare<keepdims=1>(x, a)  y = Mul(s, x)", {"a": ints(1)}, ["Mul", "ReduceSum", "Mul"]),
    ("s = ReduceL1<keepdims=1>(x, a)  y = Mul(s, x)", {"a": ints(1)}, ["Abs", "ReduceSum", "Mul"]),
]


@pytest.mark.parametrize(("nodes", "constants", "operators"), CASES, ids=[c[0] for c in CASES])
def test_it_has_one_spelling(nodes: str, constants: dict[str, Array], operators: list[str]) -> None:
    result = rewrite(model(f"(float[3,4] x) => (float[3,4] y) {{ {nodes} }}", **constants), canonical_arithmetic.PASS)
    assert result.fired[0] >= 1
    assert result.operators == operators


def test_division_by_a_mean_of_squares_needs_no_quotient() -> None:
    source = model(
        "(float[1,4,3] x) => (float[1,4,3] y) { q = Pow(x, t)  m = ReduceMean<keepdims=0>(q)  y = Div(x, m) }",
        t=scalar(2),
    )
    result = rewrite(source, canonical_arithmetic.PASS)
    assert result.operators == ["Mul", "ReduceMean", "Sqrt", "Reciprocal", "Mul", "Mul"]


STAY: list[tuple[str, dict[str, Array], str | None]] = [
    (
        "a = Add(x, c)  y = Div(x, a)",
        {"c": positive(4)},
        "the divisor is not known to be a constant, a root, an exponential or a sum of squares",
    ),
    ("e = Exp(x)  y = Pow(e, c)", {"c": scalar(0.3)}, "there is no spelling of the power 0.3 without Pow"),
    ("e = Exp(x)  y = Pow(e, c)", {"c": random(4)}, "its exponent is not one constant number"),
    ("y = Sub(c, x)", {"c": scalar(1)}, None),
]


@pytest.mark.parametrize(("nodes", "constants", "reason"), STAY, ids=[c[0] for c in STAY])
def test_it_stays(nodes: str, constants: dict[str, Array], reason: str | None) -> None:
    result = rewrite(model(f"(float[3,4] x) => (float[3,4] y) {{ {nodes} }}", **constants), canonical_arithmetic.PASS)
    assert result.fired == (0,)
    assert result.reasons == (() if reason is None else (reason,))


def test_integers_keep_their_spelling() -> None:
    source = model("(int64[4] x) => (int64[4] y) { y = Div(x, c) }", c=ints(2))
    assert rewrite(source, canonical_arithmetic.PASS).operators == ["Div"]
