"""A logarithm of a Softmax."""

from __future__ import annotations

from dlpuconv.passes import recognise_log_softmax, tidy
from tests.passes.rewriting import model, rewrite


def test_a_logarithm_of_a_softmax_is_one_operator() -> None:
    source = model("(float[2,5,3] x) => (float[2,5,3] y) { p = Softmax<axis=1>(x)  y = Log(p) }")
    result = rewrite(source, recognise_log_softmax.PASS, tidy.NODES, decibels=120)
    assert result.operators == ["LogSoftmax"]
    assert result.node("LogSoftmax").attributes["axis"].as_int() == 1


def test_a_softmax_that_is_read_elsewhere_stays() -> None:
    source = model("(float[2,5] x) => (float[2,5] y, float[2,5] p) { p = Softmax(x)  y = Log(p) }")
    assert sorted(rewrite(source, recognise_log_softmax.PASS, decibels=120).operators) == ["LogSoftmax", "Softmax"]
