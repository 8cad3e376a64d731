"""Normalizations as TensorFlow spells them take the mean off first."""

from __future__ import annotations

import pytest

from dlpuconv.passes import canonical_arithmetic, centre_norms
from tests.passes.rewriting import ints, model, positive, random, rewrite

STATISTICS = """
    m = ReduceMean(x, axes)
    d = Sub(x, m)
    q = Mul(d, d)
    v = ReduceMean(q, axes)
    e = Sqrt(v)
    r = Reciprocal(e)
"""
OFFSETS = {
    "a negative mean's product and a bias": "n = Neg(m)  t = Mul(n, s)  o = Add(t, b)",
    "a bias and a negative mean's product": "n = Neg(m)  t = Mul(s, n)  o = Add(b, t)",
    "a bias without the mean's product": "t = Mul(m, s)  o = Sub(b, t)",
    "a negative mean's product alone": "n = Neg(m)  o = Mul(n, s)",
}
CONSTANTS = {"axes": ints(2), "g": positive(1, 1, 8), "b": random(1, 1, 8)}


def source(offset: str, factor: str = "s = Mul(r, g)", total: str = "z, o") -> str:
    return f"(float[1,6,8] x) => (float[1,6,8] y) {{ {STATISTICS} {factor}  z = Mul(x, s) {offset} y = Add({total}) }}"


@pytest.mark.parametrize("total", ["z, o", "o, z"])
@pytest.mark.parametrize("offset", OFFSETS)
def test_what_is_centred_once_is_scaled_afterwards(offset: str, total: str) -> None:
    constants = {name: value for name, value in CONSTANTS.items() if name != "b" or "bias" in offset}
    text = source(OFFSETS[offset], total=total)
    result = rewrite(model(text, **constants), canonical_arithmetic.PASS, centre_norms.PASS)
    assert result.fired[-1] == 1
    made = result.operators[result.operators.index("Reciprocal") + 1 :]
    assert made == ["Sub", "Mul", "Mul", *(["Add"] if "bias" in offset else [])]


def test_without_a_gain_there_is_one_product() -> None:
    constants = {name: CONSTANTS[name] for name in ("axes", "b")}
    text = source("t = Mul(m, r)  o = Sub(b, t)", "").replace("Mul(x, s)", "Mul(x, r)")
    result = rewrite(model(text, **constants), centre_norms.PASS)
    assert result.operators[-3:] == ["Sub", "Mul", "Add"]


def test_two_branches_under_one_gate_are_no_normalization() -> None:
    text = """(float[1,6,8] x, float[1,6,8] w, float[1,6,8] s) => (float[1,6,8] y) {
        a = Mul(x, s)  b = Mul(w, s)  y = Add(a, b)
    }"""
    result = rewrite(model(text), centre_norms.PASS)
    assert result.fired == (0,)
    assert result.reasons == ("what is added is not a multiple of a mean",)
