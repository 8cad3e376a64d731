"""Activations in pieces."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import canonical_arithmetic, normalize, recognise_functions, spell_affine
from dlpuconv.passes import recognise_activations as recognise
from tests.passes.rewriting import Array, assert_equal, model, random, rewrite, samples, scalar

C = {
    "three": scalar(3),
    "zero": scalar(0),
    "six": scalar(6),
    "half": scalar(0.5),
    "one": scalar(1),
    "sixth": scalar(1 / 6),
    "root": scalar(2**0.5),
    "cube": scalar(3),
    "k": scalar((2 / np.pi) ** 0.5),
    "c": scalar(0.044715),
    "tenth": scalar(0.1),
}
TANH = "p = Pow(x, cube)  q = Mul(p, c)  s = Add(x, q)  i = Mul(s, k)  t = Tanh(i)  o = Add(t, one)"
CASES: list[tuple[str, list[str]]] = [
    ("a = Add(x, three)  b = Clip(a, zero, six)  m = Mul(x, b)  y = Div(m, six)", ["HardSwish"]),
    ("a = Add(three, x)  b = Clip(a, zero, six)  d = Div(b, six)  y = Mul(d, x)", ["HardSwish"]),
    ("h = HardSigmoid<alpha=0.16666667>(x)  y = Mul(x, h)", ["HardSwish"]),
    ("d = Div(x, root)  e = Erf(d)  a = Add(e, one)  m = Mul(x, a)  y = Mul(m, half)", ["Gelu"]),
    ("d = Div(x, root)  e = Erf(d)  a = Add(e, one)  m = Mul(x, half)  y = Mul(m, a)", ["Gelu"]),
    ("d = Div(x, root)  e = Erf(d)  a = Add(one, e)  m = Mul(half, a)  y = Mul(x, m)", ["Gelu"]),
    (f"{TANH}  m = Mul(x, o)  y = Mul(m, half)", ["Gelu"]),
    (f"{TANH}  m = Mul(half, x)  y = Mul(m, o)", ["Gelu"]),
    ("n = Neg(x)  e = Exp(n)  a = Add(one, e)  y = Div(one, a)", ["Sigmoid"]),
    ("n = Neg(x)  e = Exp(n)  a = Add(one, e)  y = Reciprocal(a)", ["Sigmoid"]),
    ("n = Neg(x)  e = Exp(n)  a = Add(e, one)  y = Div(x, a)", ["Sigmoid", "Mul"]),
    ("y = Max(x, zero)", ["Relu"]),
    ("y = Clip(x, zero)", ["Relu"]),
    ("a = Max(x, zero)  y = Min(a, six)", ["Clip"]),
    ("a = Relu(x)  y = Clip(a, zero, six)", ["Clip"]),
    ("a = Clip(x, half, six)  y = Clip(a, zero, one)", ["Clip"]),
    ("a = Mul(x, tenth)  y = Max(x, a)", ["LeakyRelu"]),
    ("r = Relu(x)  n = Neg(x)  s = Relu(n)  m = Mul(s, tenth)  y = Sub(r, m)", ["LeakyRelu"]),
    ("a = Mul(x, sixth)  b = Add(a, half)  d = Clip(b, zero, one)  y = Mul(d, x)", ["HardSwish"]),
    ("l = Less(x, zero)  e = Exp(x)  d = Sub(e, one)  y = Where(l, d, x)", ["Elu"]),
    ("a = Abs(x)  s = Add(x, a)  y = Mul(s, half)", ["Relu"]),
    ("d = Div(x, root)  e = Erf(d)  a = Add(e, one)  y = Mul(x, a)", ["Gelu", "Mul"]),
    ("a = Add(x, three)  b = Clip(a, zero, six)  y = Mul(x, b)", ["HardSwish", "Mul"]),
    ("y = PRelu(x, tenth)", ["LeakyRelu"]),
    ("s = Softplus(x)  t = Tanh(s)  y = Mul(x, t)", ["Mish"]),
    ("e = Exp(x)  a = Add(e, one)  s = Log(a)  t = Tanh(s)  y = Mul(t, x)", ["Mish"]),
    (
        "n = Neg(x)  u = Sigmoid(n)  q = Mul(u, u)  s = Sub(one, q)  t = Add(one, q)  d = Div(s, t)  y = Mul(x, d)",
        ["Mish"],
    ),
]


@pytest.mark.parametrize(("nodes", "operators"), CASES, ids=[c[0] for c in CASES])
def test_it_becomes_one_operator(nodes: str, operators: list[str]) -> None:
    source = model(f"(float[1,4,3,5] x) => (float[1,4,3,5] y) {{ {nodes} }}", **C)
    passes = (canonical_arithmetic.PASS, recognise.BOUNDS, recognise_functions.PASS, recognise.SLOPES)
    assert rewrite(source, *passes, decibels=100).operators == operators


def test_the_tanh_form_says_that_it_is_approximate() -> None:
    source = model(f"(float[2,3] x) => (float[2,3] y) {{ {TANH}  m = Mul(x, o)  y = Mul(m, half) }}", **C)
    result = rewrite(source, canonical_arithmetic.PASS, recognise_functions.PASS)
    assert result.attribute("Gelu", "approximate") == "tanh"


STAY = [
    "a = Add(x, one)  b = Clip(a, zero, six)  m = Mul(x, b)  y = Mul(m, sixth)",
    "d = Mul(x, half)  e = Erf(d)  a = Add(e, one)  m = Mul(x, a)  y = Mul(m, half)",
    "s = Sigmoid(x)  y = Mul(x, s)",
    "a = Abs(x)  y = Mul(x, a)",
    "r = Relu(x)  y = Mul(r, half)",
]


@pytest.mark.parametrize("nodes", STAY)
def test_what_is_only_alike_stays(nodes: str) -> None:
    source = model(f"(float[1,4,3,5] x) => (float[1,4,3,5] y) {{ {nodes} }}", **C)
    assert rewrite(source, recognise_functions.PASS).fired == (0,)


def test_what_others_read_in_between_stays() -> None:
    source = model(
        """(float[4] x) => (float[4] y, float[4] z) {
            a = Add(x, three)  b = Clip(a, zero, six)  y = Mul(x, b)  z = Exp(b)
        }""",
        **C,
    )
    assert "HardSwish" not in rewrite(source, recognise_functions.PASS).operators


def test_channels_with_numbers_of_their_own_stay() -> None:
    source = model("(float[1,2,3,3] x) => (float[1,2,3,3] y) { a = Mul(x, s)  y = Max(x, a) }", s=random(2, 1, 1) * 0.1)
    assert rewrite(source, recognise_functions.PASS).operators == ["Mul", "Max"]


@pytest.mark.parametrize(("threshold", "operators"), [(20, ["Softplus"]), (1, ["Greater", "Softplus", "Where"])])
def test_a_softplus_needs_no_threshold(threshold: float, operators: list[str]) -> None:
    source = model(
        "(float[9] x) => (float[9] y) { g = Greater(x, t)  s = Softplus(x)  y = Where(g, x, s) }", t=scalar(threshold)
    )
    assert rewrite(source, recognise_functions.PASS).operators == operators


def test_another_function_gives_its_reason() -> None:
    source = model("(float[4] x) => (float[4] y) { h = HardSigmoid(x)  y = Mul(x, h) }")
    assert rewrite(source, recognise_functions.PASS).reasons == (
        "it computes no activation function that ONNX has an operator for",
    )


def test_a_hard_sigmoid_behind_a_convolution_is_a_relu6_and_one_factor() -> None:
    source = model(
        "(float[1,3,1,1] x) => (float[1,4,1,1] y) { c = Conv(x, w)  y = HardSigmoid(c) }", w=random(4, 3, 1, 1)
    )
    assert rewrite(source, spell_affine.HARD_SIGMOID).operators == ["Conv", "Mul", "Add", "Clip", "Mul"]
    normal, _ = normalize(source)
    assert [n.op_type for n in normal.graph.graph] == ["Conv", "Clip", "Mul"]
    assert_equal(source, normal, samples(source), 110)


@pytest.mark.parametrize(("slope", "shape"), [(random(1, 4, 1, 1), (4, 1, 1)), (random(4, 1, 1), (4, 1, 1))])
def test_slopes_by_channel_have_one_shape(slope: Array, shape: tuple[int, ...]) -> None:
    source = model("(float[1,4,3,5] x) => (float[1,4,3,5] y) { y = PRelu(x, s) }", s=slope)
    assert rewrite(source, recognise.SLOPES).constant("PRelu", 1).shape == shape


@pytest.mark.parametrize(
    "nodes",
    [
        "r = Relu(x)  n = Neg(x)  h = Relu(n)  m = Mul(h, s)  y = Add(r, m)",
        "r = Relu(x)  n = Mul(minus, x)  h = Relu(n)  m = Mul(s, h)  y = Add(m, r)",
    ],
)
def test_the_halves_of_a_prelu_are_joined(nodes: str) -> None:
    source = model(f"(float[1,4,3,5] x) => (float[1,4,3,5] y) {{ {nodes} }}", s=random(4, 1, 1), minus=scalar(-1))
    assert rewrite(source, recognise.HALVES).operators == ["PRelu"]


@pytest.mark.parametrize(
    "nodes",
    [
        "r = Relu(z)  n = Neg(x)  h = Relu(n)  m = Mul(h, s)  y = Add(r, m)",
        "r = Relu(x)  n = Mul(two, x)  h = Relu(n)  m = Mul(h, s)  y = Add(r, m)",
        "r = Relu(x)  h = Relu(x)  m = Mul(h, s)  y = Add(r, m)",
    ],
)
def test_halves_of_other_values_or_signs_are_not(nodes: str) -> None:
    source = model(
        f"(float[1,4,3,5] x, float[1,4,3,5] z) => (float[1,4,3,5] y) {{ {nodes} }}", s=random(4, 1, 1), two=scalar(-2)
    )
    assert rewrite(source, recognise.HALVES).fired == (0,)


@pytest.mark.parametrize("shape", [(4, 3, 5), (3, 5), (3, 1), (2, 4, 1, 1)])
def test_halves_with_slopes_of_no_channels_are_not(shape: tuple[int, ...]) -> None:
    """As Keras has them unless `shared_axes` says otherwise: TFLite's PRELU knows no others than those of channels."""
    nodes = "r = Relu(x)  n = Neg(x)  h = Relu(n)  m = Mul(h, s)  y = Add(r, m)"
    source = model(f"(float[2,4,3,5] x) => (float[2,4,3,5] y) {{ {nodes} }}", s=random(*shape))
    assert rewrite(source, recognise.HALVES).fired == (0,)


@pytest.mark.parametrize("shape", [(4, 1, 1), (5,), (1, 1, 1, 5), (1,), ()])
def test_halves_with_slopes_of_channels_first_or_last_are(shape: tuple[int, ...]) -> None:
    nodes = "r = Relu(x)  n = Neg(x)  h = Relu(n)  m = Mul(h, s)  y = Add(r, m)"
    source = model(f"(float[1,4,3,5] x) => (float[1,4,3,5] y) {{ {nodes} }}", s=random(*shape))
    assert rewrite(source, recognise.HALVES).operators == ["PRelu"]
