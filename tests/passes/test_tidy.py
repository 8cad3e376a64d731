"""Names, leftovers, duplicates and order."""

from __future__ import annotations

from dlpuconv.passes import tidy
from tests.passes.rewriting import model, random, rewrite, scalar


def test_equal_nodes_become_one() -> None:
    source = model("(float[3] x) => (float[3] y) { a = Relu(x)  b = Relu(x)  c = Neg(a)  d = Neg(b)  y = Add(c, d) }")
    result = rewrite(source, tidy.NODES)
    assert result.fired == (2,)
    assert result.operators == ["Relu", "Neg", "Add"]


def test_nodes_of_other_attributes_stay() -> None:
    source = model(
        "(float[3] x) => (float[3] y) { a = LeakyRelu<alpha=0.1>(x)  b = LeakyRelu<alpha=0.2>(x)  y = Add(a, b) }"
    )
    assert rewrite(source, tidy.NODES).fired == (0,)


def test_equal_outputs_keep_their_nodes() -> None:
    source = model("(float[3] x) => (float[3] y, float[3] z) { y = Relu(x)  z = Relu(x) }")
    assert rewrite(source, tidy.NODES).operators == ["Relu", "Relu"]


def test_equal_constants_become_one() -> None:
    source = model("(float[3] x) => (float[3] y) { a = Mul(x, c)  y = Mul(a, d) }", c=scalar(2), d=scalar(2))
    result = rewrite(source, tidy.CONSTANTS)
    assert result.fired == (1,)
    assert len(result.model.graph.graph.initializers) == 1


def test_layers_do_not_come_to_share_weights() -> None:
    source = model(
        "(float[1,3,2,2] x) => (float[1,3,2,2] y) { a = Conv(x, w)  y = Conv(a, v) }",
        w=random(3, 3, 1, 1),
        v=random(3, 3, 1, 1),
    )
    assert rewrite(source, tidy.CONSTANTS).fired == (0,)


def test_what_no_output_needs_goes() -> None:
    source = model("(float[3] x) => (float[3] y) { a = Exp(x)  b = Mul(a, c)  y = Relu(x) }", c=scalar(2))
    result = rewrite(source)
    assert result.operators == ["Relu"]
    assert not result.model.graph.graph.initializers
