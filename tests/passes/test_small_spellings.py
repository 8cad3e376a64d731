"""Operators that become a few others at once, against ONNX Runtime."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import explicit_padding, last_index, spell_lp_pool, spell_pad, steps_first
from dlpuconv.passes.editor import Editor
from tests.passes.rewriting import Array, ints, model, random, rewrite, run, scalar


@pytest.mark.parametrize(
    ("shape", "pads", "axes", "operators"),
    [
        ("2,5,9", ints(1, 2, 0, 1), ints(1, -1), ["Pad"]),
        ("2,5,3", ints(1, -2, 0, -1), ints(1, 2), ["Slice", "Pad"]),
        ("1,4,4", ints(-1, 0, -1, 0, 0, -1), None, ["Slice", "Pad"]),
    ],
)
def test_a_pad_of_some_axes_or_that_takes_away_is_one_of_all(
    shape: str, pads: Array, axes: Array | None, operators: list[str]
) -> None:
    constants = {"p": pads, "v": scalar(0.5)} | ({} if axes is None else {"a": axes})
    call = f"Pad(x, p, v{'' if axes is None else ', a'})"
    found = rewrite(model(f"(float[2,4,6] x) => (float[{shape}] y) {{ y = {call} }}", **constants), spell_pad.PASS)
    assert found.operators == operators
    assert found.constant("Pad", 1).min() >= 0


def test_a_plain_pad_stays() -> None:
    source = model("(float[2,4] x) => (float[2,6] y) { y = Pad(x, p) }", p=ints(0, 1, 0, 1))
    assert rewrite(source, spell_pad.PASS).fired == (0,)


@pytest.mark.parametrize("operator", ["ArgMax", "ArgMin"])
@pytest.mark.parametrize(("settings", "shape"), [("axis=-1, keepdims=0", "2,4"), ("axis=1", "2,1,6")])
def test_the_last_of_equals_is_counted_from_the_end(operator: str, settings: str, shape: str) -> None:
    source = model(
        f"(float[2,4,6] x) => (int64[{shape}] y) {{ r = Round(x) y = {operator}<select_last_index=1, {settings}>(r) }}"
    )
    assert rewrite(source, last_index.PASS).operators == ["Round", "Gather", operator, "Sub"]


@pytest.mark.parametrize("power", [1, 2, 3])
def test_a_pool_of_powers_is_an_average_of_them(power: int) -> None:
    geometry = f"kernel_shape=[3,2], strides=[2,2], pads=[0,1,1,1], p={power}"
    source = model(f"(float[1,4,6,6] x) => (float[1,4,3,4] y) {{ y = LpPool<{geometry}>(x) }}")
    found = rewrite(source, explicit_padding.PASS, spell_lp_pool.PASS, decibels=100)
    assert found.operators == ["Abs", "Pow", "AveragePool", "Mul", "Pow"]


def test_a_pool_of_power_zero_is_left_to_who_refuses_it() -> None:
    source = model("(float[1,1,4,4] x) => (float[1,1,3,3] y) { y = LpPool<kernel_shape=[2,2], p=0>(x) }")
    editor = Editor(source.graph)
    explicit_padding.PASS.run(editor)
    (declined,) = spell_lp_pool.PASS.run(editor).declined
    assert declined.reason == "its power is not a positive number"


def test_a_layer_with_the_batch_first_computes_what_it_does_with_the_steps_first() -> None:
    """ONNX Runtime knows the second one only."""
    text = "(float[{x}] x) => (float[{y}] y, float[{h}] h) {{ y, h = GRU<hidden_size=3, layout={layout}>(x, w, r) }}"
    constants = {"w": random(1, 9, 2), "r": random(1, 9, 3)}
    batched = model(text.format(x="2,5,2", y="2,5,1,3", h="2,1,3", layout=1), **constants)
    plain = model(text.format(x="5,2,2", y="5,1,2,3", h="1,2,3", layout=0), **constants)
    steps_first.PASS.run(Editor(batched.graph))
    x = random(2, 5, 2)
    batched.graph.graph.sort()

    y, h = run(plain, {"x": x.transpose(1, 0, 2)})
    made = run(batched, {"x": x})
    np.testing.assert_allclose(made[0], y.transpose(2, 0, 1, 3), rtol=1e-6)
    np.testing.assert_allclose(made[1], h.transpose(1, 0, 2), rtol=1e-6)
