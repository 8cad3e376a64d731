"""Operators that change nothing."""

from __future__ import annotations

import pytest

from dlpuconv.passes import eliminate_noops
from tests.passes.rewriting import Array, floats, ints, model, random, rewrite, scalar

CASES: dict[str, tuple[str, dict[str, Array]]] = {
    "Identity": ("Identity(r)", {}),
    "Dropout": ("Dropout(r)", {}),
    "Cast": ("Cast<to=1>(r)", {}),
    "Reshape": ("Reshape(r, s)", {"s": ints(1, 4, 6, -1)}),
    "Expand": ("Expand(r, s)", {"s": ints(4, 1, 1)}),
    "Transpose": ("Transpose<perm=[0,1,2,3]>(r)", {}),
    "Concat": ("Concat<axis=1>(r)", {}),
    "Max": ("Max(r)", {}),
    "Pad": ("Pad(r, p)", {"p": ints(*[0] * 8)}),
    "Slice": ("Slice(r, s, e, a)", {"s": ints(0), "e": ints(99), "a": ints(1)}),
    "Gather": ("Gather<axis=1>(r, i)", {"i": ints(0, 1, -2, 3)}),
    "Resize": ("Resize(r, , s)", {"s": floats(1, 1, 1, 1)}),
    "Add": ("Add(z, r)", {"z": floats(0, 0, 0, 0, 0, 0)}),
    "Sub": ("Sub(r, z)", {"z": scalar(0)}),
    "Mul": ("Mul(r, z)", {"z": scalar(1)}),
    "Div": ("Div(r, z)", {"z": scalar(1)}),
    "Pow": ("Pow(r, z)", {"z": scalar(1)}),
    "MaxPool": ("MaxPool<kernel_shape=[1,1], strides=[1,1]>(r)", {}),
    "Clip": ("Clip(r)", {}),
    "ReduceMean": ("ReduceMean(r, a)", {"a": ints(0)}),
    "DepthToSpace": ("DepthToSpace<blocksize=1>(r)", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_it_goes(name: str) -> None:
    expression, constants = CASES[name]
    source = model(
        f"(float[1,4,6,6] x) => (float[1,4,6,6] y) {{ r = Relu(x)  n = {expression}  y = Neg(n) }}", **constants
    )
    result = rewrite(source, eliminate_noops.PASS)
    assert result.fired == (1,)
    assert result.operators == ["Relu", "Neg"]


STAY: dict[str, tuple[str, dict[str, Array]]] = {
    "a Transpose": ("Transpose<perm=[0,1,3,2]>(r)", {}),
    "a backward Slice": ("Slice(r, s, e, a, t)", {"s": ints(5), "e": ints(-9), "a": ints(2), "t": ints(-1)}),
    "a Gather in another order": ("Gather<axis=1>(r, i)", {"i": ints(1, 0, 2, 3)}),
    "0 - x": ("Sub(z, r)", {"z": scalar(0)}),
    "1 / x": ("Div(z, r)", {"z": scalar(1)}),
    "a smoothing pool": ("AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(r)", {}),
    "a Clip": ("Clip(r, , h)", {"h": scalar(0.5)}),
}


@pytest.mark.parametrize("name", STAY)
def test_what_changes_something_stays(name: str) -> None:
    expression, constants = STAY[name]
    source = model(
        f"(float[1,4,6,6] x) => (float[1,4,6,6] y) {{ r = Sigmoid(x)  n = {expression}  y = Neg(n) }}", **constants
    )
    result = rewrite(source, eliminate_noops.PASS)
    assert result.fired == (0,)
    assert len(result.operators) == 3


def test_a_constant_that_broadcasts_the_value_stays() -> None:
    source = model("(float[1,4] x) => (float[3,4] y) { y = Add(x, z) }", z=random(3, 4) * 0)
    assert rewrite(source, eliminate_noops.PASS).operators == ["Add"]


def test_names_of_outputs_are_kept() -> None:
    source = model("(float[3] x) => (float[3] y, float[3] z) { r = Relu(x)  y = Identity(r)  z = Neg(y) }")
    result = rewrite(source, eliminate_noops.PASS)
    assert result.operators == ["Relu", "Neg"]
    assert result.node("Relu").outputs[0].name == "y"


def test_an_input_that_is_an_output_keeps_its_identity() -> None:
    source = model("(float[3] x) => (float[3] y) { y = Identity(x) }")
    result = rewrite(source, eliminate_noops.PASS)
    assert result.operators == ["Identity"]
    assert result.reasons == ("y is an output of the graph and x cannot take its name",)


def test_two_outputs_of_one_value_keep_the_second_ones_identity() -> None:
    source = model("(float[3] x) => (float[3] y, float[3] z) { r = Relu(x)  y = Identity(r)  z = Identity(r) }")
    assert rewrite(source, eliminate_noops.PASS).operators == ["Relu", "Identity"]


def test_a_dropout_whose_mask_is_used_stays() -> None:
    source = model("(float[3] x) => (float[3] y, bool[3] m) { y, m = Dropout(x) }")
    result = rewrite(source, eliminate_noops.PASS)
    assert result.reasons == ("its further outputs are used",)


@pytest.mark.parametrize("operator", ["Max", "Mean", "Min", "Sum"])
def test_one_value_between_an_input_and_an_output_is_an_identity(operator: str) -> None:
    source = model(f"(float[1,4] x) => (float[1,4] y) {{ y = {operator}(x) }}")
    assert rewrite(source, eliminate_noops.PASS).operators == ["Identity"]
