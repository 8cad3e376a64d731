"""Which activations share a scale, on small networks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from dlpuconv.ir.affine import INT16, UINT8, Affine
from dlpuconv.network import Range
from dlpuconv.quantization.ranges.choice import choose_ranges, observed_values
from dlpuconv.quantization.scales.choice import covering, range_of
from dlpuconv.quantization.scales.plan import ActivationPlan, plan_activations
from dlpuconv.scheme import Coding, Numbers, Scheme
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.network import Node, Value
    from tests.network.numpy_network import NumpyNetwork

PLAIN = Scheme(numbers=Numbers.INT8)
CODING = Coding()
SIGMOID = Affine.of(1 / 256, -128)


@dataclass
class Sketch:
    """A network in the making, of [1, 4] activations."""

    builder: Builder = field(default_factory=Builder)

    def given(self, name: str) -> Value:
        return self.builder.input(name, 1, 4)

    def free(self, x: Value, name: str) -> Value:
        return self.builder.curve(name, x, "hard-swish")

    def logistic(self, x: Value, name: str) -> Value:
        return self.builder.curve(name, x, "sigmoid")

    def tanh(self, x: Value, name: str) -> Value:
        return self.builder.curve(name, x, "tanh")

    def concat(self, *parts: Value, name: str = "joined") -> Value:
        return self.builder.concat(name, parts, 1)

    def reshape(self, x: Value, name: str) -> Value:
        return self.builder.reshape(name, x, *x.shape)


@dataclass(frozen=True)
class Planned:
    """A plan and the network that it is for."""

    network: NumpyNetwork
    plan: ActivationPlan

    def of(self, value: Value) -> Affine:
        return self.plan.scales[value]

    def requantized(self) -> list[tuple[str, int]]:
        return [(node.output.name, index) for node, index in self.plan.requantized]

    def read(self, value: Value, index: int) -> Affine:
        """By the node that makes a value."""
        return self.plan.read_as(self.maker(value), index)

    def maker(self, value: Value) -> Node:
        return self.network.producers()[value]


def plan(
    sketch: Sketch,
    outputs: list[Value],
    ranges: Mapping[str, tuple[float, float]],
    scheme: Scheme = PLAIN,
    **inputs: Affine,
) -> Planned:
    network = sketch.builder.network(*outputs)
    observed = {v: Range(*ranges[v.name]) for v in observed_values(network)}
    given = {v: inputs[v.name] for v in network.inputs if v.name in inputs}
    chosen = choose_ranges(network, observed, scheme.activation_codes.type)
    return Planned(network, plan_activations(network, chosen, given, scheme))


def held(affine: Affine) -> Range:
    return range_of(affine, CODING.type)


def test_parts_that_only_a_concatenation_reads_write_its_scale_directly() -> None:
    s = Sketch()
    x = s.given("x")
    a, b = s.free(x, "a"), s.free(x, "b")
    joined = s.concat(a, b)
    made = plan(s, [joined], {"x": (-1, 1), "a": (0, 1), "b": (0, 10), "joined": (0, 10)})
    assert made.requantized() == []
    assert made.of(a) == made.of(b) == made.of(joined) == covering(Range(0, 10), CODING)


def test_a_part_that_others_read_keeps_its_fine_scale_and_is_requantized_for_the_concatenation() -> None:
    s = Sketch()
    x = s.given("x")
    a, b = s.free(x, "a"), s.free(x, "b")
    joined, other = s.concat(a, b), s.free(a, "other")
    ranges = {"x": (-1, 1), "a": (0, 1), "b": (0, 10), "joined": (0, 10), "other": (0, 1)}
    made = plan(s, [joined, other], ranges)
    assert made.of(a) == covering(Range(0, 1), CODING)
    assert made.requantized() == [("joined", 0)]
    assert made.read(joined, 0) == made.of(joined)
    assert made.read(other, 0) == made.of(a)


def test_a_part_that_others_read_shares_a_scale_that_costs_it_little() -> None:
    s = Sketch()
    x = s.given("x")
    a, b = s.free(x, "a"), s.free(x, "b")
    joined, other = s.concat(a, b), s.free(a, "other")
    ranges = {"x": (-1, 1), "a": (0, 8), "b": (0, 10), "joined": (0, 10), "other": (0, 1)}
    assert plan(s, [joined, other], ranges).requantized() == []


def test_a_sigmoid_beside_raw_values_is_requantized_and_the_raw_values_are_not_squeezed() -> None:
    s = Sketch()
    x = s.given("x")
    scores, boxes = s.logistic(x, "scores"), s.free(x, "boxes")
    joined = s.concat(scores, boxes)
    made = plan(s, [joined], {"x": (-4, 4), "boxes": (-4, 6), "joined": (-4, 6)})
    assert made.of(scores) == SIGMOID
    assert made.of(joined) == covering(Range(-4, 6), CODING)
    assert made.requantized() == [("joined", 0)]


def test_sigmoids_and_softmaxes_are_concatenated_as_they_are() -> None:
    s = Sketch()
    x = s.given("x")
    joined = s.concat(s.logistic(x, "scores"), s.reshape(s.builder.softmax("classes", x), "moved"))
    # a softmax of 1.0 lies one step above its prescribed range
    made = plan(s, [joined], {"x": (-4, 4), "joined": (0, 1)})
    assert made.requantized() == []
    assert made.of(joined) == SIGMOID


def test_sigmoids_beside_tanhs_are_requantized_since_both_scales_are_prescribed() -> None:
    s = Sketch()
    x = s.given("x")
    scores, offsets = s.logistic(x, "scores"), s.tanh(x, "offsets")
    joined = s.concat(scores, offsets)
    made = plan(s, [joined], {"x": (-4, 4), "joined": (-0.9, 0.99)})
    assert made.of(scores) == SIGMOID
    assert made.of(offsets) == Affine.of(1 / 128, 0)
    assert {made.read(joined, i) for i in (0, 1)} == {made.of(joined)}


def test_an_input_with_a_prescribed_scale_keeps_it_through_nodes_that_move_values() -> None:
    s = Sketch()
    x = s.given("x")
    moved = s.reshape(x, "moved")
    pixels = Affine.of(1 / 255, -128)
    made = plan(s, [s.free(moved, "after")], {"x": (0, 0.5), "after": (0, 1)}, x=pixels)
    assert made.of(x) == made.of(moved) == pixels


def test_an_input_with_a_prescribed_scale_is_requantized_for_a_concatenation_of_other_values() -> None:
    s = Sketch()
    x = s.given("x")
    joined = s.concat(x, s.free(x, "a"))
    made = plan(s, [joined], {"x": (0, 1), "a": (0, 9), "joined": (0, 9)}, x=Affine.of(1 / 255, -128))
    assert made.requantized() == [("joined", 0)]


def test_a_reshape_in_front_of_a_concatenation_is_requantized_behind_it_so_that_others_keep_it_fine() -> None:
    s = Sketch()
    x = s.given("x")
    scores, boxes = s.logistic(x, "scores"), s.free(x, "boxes")
    moved = s.reshape(scores, "moved")
    product = s.builder.product("product", moved, x)
    joined = s.concat(moved, boxes)
    ranges = {"x": (-4, 4), "boxes": (-4, 6), "joined": (-4, 6), "product": (0, 4)}
    made = plan(s, [product, joined], ranges)
    assert made.of(moved) == SIGMOID
    assert made.requantized() == [("joined", 0)]


def test_a_chain_of_concatenations_that_nobody_else_reads_shares_one_scale() -> None:
    s = Sketch()
    x = s.given("x")
    a, b, c = s.free(x, "a"), s.free(x, "b"), s.free(x, "c")
    first = s.concat(a, b, name="first")
    second = s.concat(first, c, name="second")
    ranges = {"x": (-1, 1), "a": (0, 1), "b": (0, 2), "c": (0, 30), "first": (0, 2), "second": (0, 30)}
    made = plan(s, [second], ranges)
    assert made.requantized() == []
    assert len({made.of(value) for value in (a, b, c, first, second)}) == 1


def test_scores_beside_boxes_in_several_heads_are_requantized_once_each_and_the_boxes_never() -> None:
    s = Sketch()
    x = s.given("x")
    heads, boxes = [], []
    ranges = {"x": (-4.0, 4.0), "all": (-1.0, 3.0)}
    for number in range(2):
        scores = s.logistic(x, f"scores{number}")
        boxes.append(s.free(x, f"boxes{number}"))
        heads.append(s.concat(boxes[-1], scores, name=f"head{number}"))
        ranges |= {f"boxes{number}": (-1.0, 0.5 + number), f"head{number}": (-1.0, 1.0 + number)}
    everything = s.concat(*heads, name="all")
    made = plan(s, [everything], ranges)
    assert made.requantized() == [("head0", 1), ("head1", 1)]
    assert made.of(boxes[0]) == made.of(everything)


def test_a_clamp_that_the_saturation_of_codes_does_is_left_out() -> None:
    s = Sketch()
    x = s.given("x")
    a = s.free(x, "a")
    made = plan(s, [s.builder.curve("y", a, "relu6")], {"x": (-1, 1), "a": (-1, 9), "y": (0, 6)})
    assert [node.output.name for node in made.plan.absorbed] == ["y"]
    assert held(made.of(a)).low == 0.0
    assert held(made.of(a)).high == pytest.approx(6.0)


def test_symmetric_codes_leave_a_clamp_at_zero_to_be_computed() -> None:
    s = Sketch()
    x = s.given("x")
    a = s.free(x, "a")
    scheme = replace(PLAIN, activation_codes=Coding(symmetric=True))
    made = plan(s, [s.builder.curve("y", a, "relu6")], {"x": (-1, 1), "a": (-1, 9), "y": (0, 6)}, scheme)
    assert made.plan.absorbed == ()
    assert made.of(a) == Affine.of(float(covering(Range(0, 6), scheme.activation_codes).scale), 0)


@pytest.mark.parametrize("codes", [UINT8, INT16])
def test_scales_are_for_the_codes_of_the_chip(codes: object) -> None:
    s = Sketch()
    x = s.given("x")
    coding = Coding(type=codes)  # type: ignore[arg-type]
    made = plan(s, [s.free(x, "a")], {"x": (-2, 2), "a": (-1, 9)}, replace(PLAIN, activation_codes=coding))
    assert made.of(x) == covering(Range(-2, 2), coding)


def test_what_a_chip_prescribes_of_an_operator_is_its_outputs_scale() -> None:
    s = Sketch()
    x = s.given("x")
    a = s.free(x, "a")
    told = Affine.of(0.5, 3)
    made = plan(
        s, [s.free(a, "b")], {"x": (-2, 2), "a": (-1, 9), "b": (0, 1)}, replace(PLAIN, prescribed={"hard-swish": told})
    )
    assert made.of(a) == told
    assert made.of(x) != told


def test_constants_are_in_the_codes_of_activations() -> None:
    s = Sketch()
    x = s.given("x")
    y = s.builder.sum("y", x, [[1.0, 2.0, 3.0, 255.0]])
    made = plan(s, [y], {"x": (-2, 2), "y": (-1, 300)}, replace(PLAIN, activation_codes=Coding(type=UINT8)))
    assert made.plan.constants[made.maker(y), 1] == Affine.of(1.0, 0)
