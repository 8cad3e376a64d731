"""Which activations share a scale, on small graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.tflite.numbers import Parameters, Range
from dlpuconv_backends.tflite.plan import ActivationPlan, choose_ranges, observed_tensors, plan_activations
from tests.backends.tflite.models import activation, constant

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGMOID = Parameters(1 / 256, -128)


def relu(x: Tensor, name: str) -> Operator:
    return Operator("LEAKY_RELU", [x], [activation(name, *x.shape)], schema.LeakyReluOptionsT())


def logistic(x: Tensor, name: str) -> Operator:
    return Operator("LOGISTIC", [x], [activation(name, *x.shape)])


def concat(*parts: Tensor, name: str = "joined") -> Operator:
    out = activation(name, 1, sum(p.shape[1] for p in parts))
    return Operator("CONCATENATION", list(parts), [out], schema.ConcatenationOptionsT())


def reshape(x: Tensor, name: str) -> Operator:
    return Operator("RESHAPE", [x, constant("shape", [1, x.shape[1]], np.int32)], [activation(name, *x.shape)])


def plan(
    operators: list[Operator], outputs: list[Tensor], ranges: Mapping[str, tuple[float, float]], **inputs: Parameters
) -> ActivationPlan:
    made = {out for op in operators for out in op.outputs}
    read = dict.fromkeys(t for op in operators for t in op.inputs if t is not None and not t.is_constant)
    graph = Graph([t for t in read if t not in made], outputs, operators)
    observed = {t: Range(*ranges[t.name]) for t in observed_tensors(graph)}
    given = {t: inputs[t.name] for t in graph.inputs if t.name in inputs}
    return plan_activations(graph, choose_ranges(graph, observed), given)


def test_parts_that_only_a_concatenation_reads_write_its_scale_directly() -> None:
    x = activation("x", 1, 4)
    a, b = relu(x, "a"), relu(x, "b")
    joined = concat(a.output, b.output)
    made = plan([a, b, joined], [joined.output], {"x": (-1, 1), "a": (0, 1), "b": (0, 10), "joined": (0, 10)})
    assert made.requantized == {}
    assert made.parameters[a.output] == made.parameters[b.output] == made.parameters[joined.output]
    assert made.parameters[a.output].range == Parameters.covering(Range(0, 10)).range


def test_a_part_that_others_read_keeps_its_fine_scale_behind_a_quantize() -> None:
    x = activation("x", 1, 4)
    a, b = relu(x, "a"), relu(x, "b")
    joined, other = concat(a.output, b.output), relu(a.output, "other")
    ranges = {"x": (-1, 1), "a": (0, 1), "b": (0, 10), "joined": (0, 10), "other": (0, 1)}
    made = plan([a, b, joined, other], [joined.output, other.output], ranges)
    assert made.parameters[a.output] == Parameters.covering(Range(0, 1))
    assert made.requantized == {(joined, 0): made.parameters[joined.output]}
    assert made.read_as(joined, 0) == made.parameters[joined.output]
    assert made.read_as(other, 0) == made.parameters[a.output]


def test_a_part_that_others_read_shares_a_scale_that_costs_it_little() -> None:
    x = activation("x", 1, 4)
    a, b = relu(x, "a"), relu(x, "b")
    joined, other = concat(a.output, b.output), relu(a.output, "other")
    ranges = {"x": (-1, 1), "a": (0, 8), "b": (0, 10), "joined": (0, 10), "other": (0, 1)}
    assert plan([a, b, joined, other], [joined.output, other.output], ranges).requantized == {}


def test_a_sigmoid_beside_raw_values_is_requantized_and_the_raw_values_are_not_squeezed() -> None:
    x = activation("x", 1, 4)
    scores, boxes = logistic(x, "scores"), relu(x, "boxes")
    joined = concat(scores.output, boxes.output)
    made = plan([scores, boxes, joined], [joined.output], {"x": (-4, 4), "boxes": (-4, 6), "joined": (-4, 6)})
    assert made.parameters[scores.output] == SIGMOID
    assert made.parameters[joined.output] == Parameters.covering(Range(-4, 6))
    assert list(made.requantized) == [(joined, 0)]


def test_sigmoids_and_softmaxes_are_concatenated_as_they_are() -> None:
    x = activation("x", 1, 4)
    scores = logistic(x, "scores")
    classes = Operator("SOFTMAX", [x], [activation("classes", 1, 4)], schema.SoftmaxOptionsT())
    moved = reshape(classes.output, "moved")
    joined = concat(scores.output, moved.output)
    # a softmax of 1.0 lies one step above its prescribed range
    made = plan([scores, classes, moved, joined], [joined.output], {"x": (-4, 4), "joined": (0, 1)})
    assert made.requantized == {}
    assert made.parameters[joined.output] == SIGMOID


def test_sigmoids_beside_tanhs_are_requantized_since_both_scales_are_prescribed() -> None:
    x = activation("x", 1, 4)
    scores, offsets = logistic(x, "scores"), Operator("TANH", [x], [activation("offsets", 1, 4)])
    joined = concat(scores.output, offsets.output)
    made = plan([scores, offsets, joined], [joined.output], {"x": (-4, 4), "joined": (-0.9, 0.99)})
    assert made.parameters[scores.output] == SIGMOID
    assert made.parameters[offsets.output] == Parameters(1 / 128, 0)
    assert {made.read_as(joined, i) for i in (0, 1)} == {made.parameters[joined.output]}


def test_an_input_with_a_prescribed_scale_keeps_it_through_operators_that_move_values() -> None:
    x = activation("x", 1, 4)
    moved = reshape(x, "moved")
    after = relu(moved.output, "after")
    pixels = Parameters(1 / 255, -128)
    made = plan([moved, after], [after.output], {"x": (0, 0.5), "after": (0, 1)}, x=pixels)
    assert made.parameters[x] == made.parameters[moved.output] == pixels


def test_an_input_with_a_prescribed_scale_is_requantized_for_a_concatenation_of_other_values() -> None:
    x = activation("x", 1, 4)
    a = relu(x, "a")
    joined = concat(x, a.output)
    made = plan([a, joined], [joined.output], {"x": (0, 1), "a": (0, 9), "joined": (0, 9)}, x=Parameters(1 / 255, -128))
    assert list(made.requantized) == [(joined, 0)]


def test_a_reshape_in_front_of_a_concatenation_is_requantized_behind_it_so_that_others_keep_it_fine() -> None:
    x = activation("x", 1, 4)
    scores, boxes = logistic(x, "scores"), relu(x, "boxes")
    moved = reshape(scores.output, "moved")
    product = Operator("MUL", [moved.output, x], [activation("product", 1, 4)], schema.MulOptionsT())
    joined = concat(moved.output, boxes.output)
    ranges = {"x": (-4, 4), "boxes": (-4, 6), "joined": (-4, 6), "product": (0, 4)}
    made = plan([scores, boxes, moved, product, joined], [product.output, joined.output], ranges)
    assert made.parameters[moved.output] == SIGMOID
    assert list(made.requantized) == [(joined, 0)]


def test_a_chain_of_concatenations_that_nobody_else_reads_shares_one_scale() -> None:
    x = activation("x", 1, 4)
    a, b, c = relu(x, "a"), relu(x, "b"), relu(x, "c")
    first = concat(a.output, b.output, name="first")
    second = concat(first.output, c.output, name="second")
    ranges = {"x": (-1, 1), "a": (0, 1), "b": (0, 2), "c": (0, 30), "first": (0, 2), "second": (0, 30)}
    made = plan([a, b, c, first, second], [second.output], ranges)
    assert made.requantized == {}
    assert len({made.parameters[op.output] for op in (a, b, c, first, second)}) == 1


def test_a_maximum_of_two_activations_compares_codes_of_one_scale() -> None:
    x = activation("x", 1, 4)
    a, b = relu(x, "a"), logistic(x, "b")
    largest = Operator("MAXIMUM", [a.output, b.output], [activation("y", 1, 4)], schema.MaximumMinimumOptionsT())
    made = plan([a, b, largest], [largest.output], {"x": (-1, 1), "a": (-5, 5), "y": (0, 5)})
    assert made.read_as(largest, 0) == made.read_as(largest, 1) == made.parameters[largest.output]


def test_scores_beside_boxes_in_several_heads_are_requantized_once_each_and_the_boxes_never() -> None:
    x = activation("x", 1, 4)
    heads, parts = [], []
    ranges = {"x": (-4.0, 4.0), "all": (-1.0, 3.0)}
    for number in range(2):
        scores, boxes = logistic(x, f"scores{number}"), relu(x, f"boxes{number}")
        head = concat(boxes.output, scores.output, name=f"head{number}")
        ranges |= {f"boxes{number}": (-1.0, 0.5 + number), f"head{number}": (-1.0, 1.0 + number)}
        heads.append(head)
        parts += [scores, boxes, head]
    everything = concat(*(h.output for h in heads), name="all")
    made = plan([*parts, everything], [everything.output], ranges)
    assert list(made.requantized) == [(heads[0], 1), (heads[1], 1)]
    assert made.parameters[parts[1].output] == made.parameters[everything.output]
