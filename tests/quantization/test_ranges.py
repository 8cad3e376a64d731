"""Which values of an activation its readers can tell apart, and which are seen from outside."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.ir.affine import INT8, INT16
from dlpuconv.network import ALL, Range
from dlpuconv.quantization.ranges.choice import choose_ranges, observed_values
from dlpuconv.quantization.ranges.distinguished import distinguished
from dlpuconv.quantization.ranges.outward import leading_out
from tests.network.numpy_builder import EDGE, Builder

if TYPE_CHECKING:
    from dlpuconv.network import Network, Value


def sketch() -> tuple[Builder, Value]:
    b = Builder()
    return b, b.input("x", 1, 4, 4, 8)


def need(network: Network, observed: dict[str, Range] | None = None) -> Range:
    """What the readers of x tell apart."""
    known = {v: observed[v.name] for v in network.values() if observed and v.name in observed}
    return distinguished(network, known)[network.inputs[0]]


def test_an_output_tells_everything_apart() -> None:
    b, x = sketch()
    assert need(b.network(x, b.curve("y", x, "relu"))) == ALL


def test_a_relu_sees_no_negative_values() -> None:
    b, x = sketch()
    assert need(b.network(b.curve("y", x, "relu"))) == Range(0.0, math.inf)


def test_a_hard_swish_sees_nothing_below_minus_three() -> None:
    b, x = sketch()
    assert need(b.network(b.curve("y", x, "hard-swish"))) == Range(-3.0, math.inf)


def test_a_clamp_of_what_saturates_behind_it_sees_what_both_do() -> None:
    b, x = sketch()
    assert need(b.network(b.curve("y", b.curve("c", x, "relu"), "sigmoid"))) == Range(0.0, EDGE)


def test_a_second_reader_needs_its_own_values_too() -> None:
    b, x = sketch()
    assert need(b.network(b.product("y", x, b.curve("gate", x, "sigmoid")))) == ALL


def test_the_need_passes_through_nodes_that_only_move_values() -> None:
    b, x = sketch()
    y = b.curve("y", b.reshape("moved", x, 1, 16, 8), "sigmoid")
    assert need(b.network(y)) == Range(-EDGE, EDGE)


def test_finer_codes_than_eight_bits_tell_more_apart_but_not_behind_a_clamp() -> None:
    b, x = sketch()
    network = b.network(b.curve("y", b.curve("gate", x, "sigmoid"), "relu6"))
    found = distinguished(network, {}, INT16)
    assert found[x] == ALL
    assert found[network.nodes[0].output] == Range(0.0, 6.0)


def test_an_average_needs_the_values_that_it_averages() -> None:
    b, x = sketch()
    assert need(b.network(b.curve("y", b.mean("average", x), "relu"))) == ALL


def test_a_maximum_needs_only_the_values_that_it_lets_through() -> None:
    b, x = sketch()
    assert need(b.network(b.max_pool("y", x, 2)), {"y": Range(-1.0, 2.0)}) == Range(-1.0, 2.0)


def line(*functions: str) -> tuple[Network, list[str]]:
    """Function after function of x, and the names of what leads out."""
    b, value = sketch()
    for index, function in enumerate(functions):
        name = f"t{index}"
        if function == "add":
            value = b.sum(name, value, [3.0])
        elif function == "multiply":
            value = b.product(name, value, [2.0])
        elif function == "softmax":
            value = b.softmax(name, value)
        elif function == "reshape":
            value = b.reshape(name, value, *value.shape)
        elif function == "conv":
            value = b.conv(name, value, np.ones((8, 1, 1, 8)))
        elif function == "mean":
            value = b.mean(name, value)
        else:
            value = b.curve(name, value, function)
    network = b.network(value)
    return network, sorted(v.name for v in leading_out(network))


@pytest.mark.parametrize("function", ["sigmoid", "softmax", "tanh", "relu6", "reshape", "multiply", "add"])
def test_what_keeps_the_order_of_values_leads_out(function: str) -> None:
    assert line("conv", function)[1] == ["t0", "t1"]


def test_a_chain_of_such_steps_is_followed() -> None:
    """HardSigmoid, spelled out: relu6(x + 3) * 2."""
    assert line("conv", "add", "relu6", "multiply", "reshape")[1] == ["t0", "t1", "t2", "t3", "t4"]


@pytest.mark.parametrize("function", ["conv", "hard-swish", "mean"])
def test_what_mixes_values_or_turns_their_order_does_not(function: str) -> None:
    assert line("relu", function)[1] == ["t1"]


def test_both_factors_of_a_product_of_scores_lead_out() -> None:
    b = Builder()
    one, other = (b.curve(f"score of {name}", b.input(name, 1, 4), "sigmoid") for name in "ab")
    found = leading_out(b.network(b.product("y", one, other)))
    assert {v.name for v in found} == {"a", "b", "score of a", "score of b", "y"}


def test_a_square_of_a_score_times_a_number_leads_out_as_the_extent_of_a_box_does() -> None:
    """(2 sigmoid(x))^2 * 8, and a bare x * x beside it, which turns the order of what is negative."""
    b, x = sketch()
    score = b.curve("score", x, "sigmoid")
    twice = b.product("twice", score, [2.0])
    assert {x, score, twice} < leading_out(b.network(b.product("y", b.product("square", twice, twice), [8.0])))
    other, z = sketch()
    square = other.product("square", z, z)
    assert leading_out(other.network(square)) == {square}


def test_a_value_times_its_own_gate_does_not_lead_out() -> None:
    """SiLU: x * sigmoid(x)."""
    b, x = sketch()
    y = b.product("y", x, b.curve("gate", x, "sigmoid"))
    assert leading_out(b.network(y)) == {y}


def test_a_sum_whose_operands_are_far_wider_keeps_a_scale_that_its_kernel_can_reach() -> None:
    b, x = sketch()
    y = b.sum("y", x, b.input("z", 1, 4, 4, 8), -1)
    network = b.network(y)
    observed = {v: Range(-(2.0**20), 2.0**20) for v in network.inputs} | {y: Range(-1.0, 1.0)}
    # a headroom of 2^-17 of the widest operand, which is 2^21 wide
    assert choose_ranges(network, observed, INT8)[y] == Range(-16.0, 16.0)


def test_only_activations_whose_range_is_free_are_observed() -> None:
    b, x = sketch()
    flat = b.reshape("flat", b.conv("conv", x, np.ones((8, 3, 3, 8))), 1, 128)
    assert [v.name for v in observed_values(b.network(b.curve("gate", flat, "sigmoid")))] == ["x", "conv"]


def masked(sign: int) -> tuple[Network, Value, Value]:
    """Rows of 8 values to which, or from which, a mask is added or taken; what is masked, and the mask."""
    b = Builder()
    x = b.input("x", 1, 8)
    made = b.sum("masked", b.reshape("moved", x, 1, 8), [[0.0, -1e9 * sign] * 4], sign)
    network = b.network(b.softmax("y", made))
    return network, made, network.producers()[made].input(1)


@pytest.mark.parametrize(("sign", "low", "high"), [(1, -11.0 - 9.0 - 18.0, 0.0), (-1, 0.0, 11.0 + 9.0 + 18.0)])
def test_a_mask_is_held_as_far_as_it_takes_effect(sign: int, low: float, high: float) -> None:
    network, made, mask = masked(sign)
    chosen = choose_ranges(network, {network.inputs[0]: Range(-9.0, 9.0), made: Range(-11.0, 9.0)}, INT8)
    assert chosen[mask] == Range(low, high)
    assert chosen[made] == Range(-11.0, 9.0)
