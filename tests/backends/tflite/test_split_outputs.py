"""Outputs are cut where their parts come together, and nothing else changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from dlpuconv.network import OutputPiece, Range
from dlpuconv.quantization.mixed_outputs import mixed_outputs, pieces_of
from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.build import reshape, transpose
from dlpuconv_backends.tflite.network import TFLiteNetwork
from tests.backends.tflite.models import Arrays, activation, constant, run

type Floats = np.ndarray[Any, np.dtype[np.float32]]

PIXELS, UNIT = Range(0.0, 640.0), Range(0.0, 1.0)


def relu(name: str, *shape: int) -> Operator:
    return Operator("RELU", [activation(f"{name}_in", *shape)], [activation(name, *shape)], None, name)


def concat(name: str, axis: int, *parts: Tensor, activated: int = 0) -> Operator:
    options = schema.ConcatenationOptionsT()
    options.axis, options.fusedActivationFunction = axis, activated
    extents = list(parts[0].shape)
    extents[axis] = sum(part.shape[axis] for part in parts)
    return Operator("CONCATENATION", [*parts], [activation(name, *extents)], options, name)


def graph_of(operators: list[Operator], outputs: list[Tensor]) -> Graph:
    return Graph([op.input(0) for op in operators if op.kind == "RELU"], outputs, operators)


def boxes_beside_scores() -> Graph:
    boxes, scores = relu("boxes", 1, 6, 4), relu("scores", 1, 6, 3)
    joined = concat("out", -1, boxes.output, scores.output)
    return graph_of([boxes, scores, joined], [joined.output])


def interleaved() -> Graph:
    """Two strides of [1, 2 anchors, side, side, xy + wh + scores] -> [1, cells, 7], as YOLOv5 exports."""
    operators, flat = [], []
    for number, side in enumerate((2, 1)):
        parts = [relu(f"{kind}{number}", 1, 2, side, side, n) for kind, n in (("xy", 2), ("wh", 2), ("scores", 3))]
        head = concat(f"head{number}", 4, *(p.output for p in parts))
        flattened = reshape(head.output, (1, 2 * side * side, 7))
        operators += [*parts, head, flattened]
        flat.append(flattened.output)
    joined = concat("out", 1, *flat)
    return graph_of([*operators, joined], [joined.output])


INTERLEAVED = {
    f"{kind}{n}": values
    for n in "01"
    for kind, values in (("xy", PIXELS), ("wh", PIXELS), ("scores", UNIT), ("head", PIXELS))
}


def feed(graph: Graph) -> Arrays:
    rng = np.random.default_rng(3)
    return {t.name: rng.uniform(0, 9, t.shape).astype(np.float32) for t in graph.inputs}


def split(graph: Graph, ranges: dict[str, Range]) -> tuple[Graph, list[OutputPiece]]:
    """The graph with its mixed outputs cut; the given one is not changed."""
    network = TFLiteNetwork(graph)
    before = network.key
    pieces = pieces_of(network, mixed_outputs(network, ranges))
    made = network.with_output_parts(pieces).graph
    assert network.key == before
    return made, pieces


def put_together(graph: Graph, pieces: list[OutputPiece]) -> dict[int, Floats]:
    """The former outputs, from what the split graph gives."""
    parts: dict[int, list[tuple[OutputPiece, Floats]]] = {}
    for piece, found in zip(pieces, run(graph, feed(graph)).values(), strict=True):
        parts.setdefault(piece.output, []).append((piece, found))
    whole: dict[int, Floats] = {}
    for output, found_parts in parts.items():
        axis = found_parts[0][0].axis or 0
        extents = list(found_parts[0][1].shape)
        extents[axis] = sum(part.shape[axis] for _, part in found_parts)
        whole[output] = np.zeros(extents, np.float32)
        for piece, part in found_parts:
            whole[output][piece.stride.index(axis) if piece.axis is not None else ...] = part
    return whole


def test_boxes_and_scores_become_two_outputs_without_the_operator_that_joined_them() -> None:
    graph = boxes_beside_scores()
    expected = run(graph, feed(graph))["out"]
    graph, pieces = split(graph, {"boxes": PIXELS, "scores": UNIT})
    assert pieces == [OutputPiece(0, 2, 0, 4), OutputPiece(0, 2, 4, 7)]
    assert [t.name for t in graph.outputs] == ["out_part0", "out_part1"]
    assert [op.kind for op in graph.operators] == ["RELU", "RELU"]
    assert np.array_equal(put_together(graph, pieces)[0], expected)


def test_parts_that_are_interleaved_over_several_strides_are_cut_before_they_meet() -> None:
    graph = interleaved()
    expected = run(graph, feed(graph))["out"]
    graph, pieces = split(graph, INTERLEAVED)
    assert pieces == [OutputPiece(0, 2, 0, 4), OutputPiece(0, 2, 4, 7)]  # xy and wh get on with one scale
    assert [t.shape for t in graph.outputs] == [(1, 10, 4), (1, 10, 3)]
    assert not any(op.kind == "SLICE" for op in graph.operators)
    assert np.array_equal(put_together(graph, pieces)[0], expected)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("behind_a_box", [False, True])
def test_parts_that_alternate_are_cut_before_they_are_put_behind_one_another(last: bool, behind_a_box: bool) -> None:
    shape, axis = ((1, 8, 17, 2), 3) if last else ((1, 17, 2, 8), 2)
    seen = tuple(1 if number == axis else extent for number, extent in enumerate(shape))
    xy, visible = relu("xy", *shape), relu("seen", *seen)
    joined = concat("joined", axis, xy.output, visible.output)
    points = reshape(joined.output, (1, 8, 51) if last else (1, 51, 8))
    operators = [xy, visible, joined, points]
    if behind_a_box:
        box = relu("box", *((1, 8, 4) if last else (1, 4, 8)))
        operators = [box, *operators, concat("out", axis - 1, box.output, points.output)]
    graph = graph_of(operators, [operators[-1].output])
    expected = run(graph, feed(graph))[operators[-1].output.name]
    graph, pieces = split(graph, {"xy": PIXELS, "seen": UNIT, "box": PIXELS, "joined": PIXELS})
    assert [piece.step for piece in pieces if piece.step > 1] == [3, 3]
    assert not any(op.kind in ("SLICE", "CONCATENATION") for op in graph.operators)
    assert np.array_equal(put_together(graph, pieces)[0], expected)


def test_a_cut_follows_its_axis_through_a_transpose() -> None:
    graph = boxes_beside_scores()
    turned = transpose(graph.outputs[0], (0, 2, 1))
    graph.operators.append(turned)
    graph.outputs = [turned.output]
    expected = run(graph, feed(graph))[turned.output.name]
    graph, pieces = split(graph, {"boxes": PIXELS, "scores": UNIT})
    assert pieces == [OutputPiece(0, 1, 0, 4), OutputPiece(0, 1, 4, 7)]
    assert np.array_equal(put_together(graph, pieces)[0], expected)


def test_where_one_stride_cannot_be_cut_further_up_it_is_sliced() -> None:
    whole, boxes, scores = relu("whole", 1, 2, 7), relu("boxes", 1, 6, 4), relu("scores", 1, 6, 3)
    inner = concat("inner", 2, boxes.output, scores.output)
    joined = concat("out", 1, whole.output, inner.output)
    graph = graph_of([whole, boxes, scores, inner, joined], [joined.output])
    expected = run(graph, feed(graph))["out"]
    graph, pieces = split(graph, {"whole": Range(0.0, 20.0), "boxes": PIXELS, "scores": UNIT})
    assert pieces == [OutputPiece(0, 2, 0, 4), OutputPiece(0, 2, 4, 7)]
    assert [op.kind for op in graph.operators].count("SLICE") == 2
    assert np.array_equal(put_together(graph, pieces)[0], expected)


def test_what_an_activation_follows_is_not_cut() -> None:
    graph = boxes_beside_scores()
    graph.operators[-1].options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    assert not mixed_outputs(TFLiteNetwork(graph), {"boxes": PIXELS, "scores": UNIT, "out": PIXELS})


def test_other_outputs_keep_name_and_place_even_where_a_part_is_one_of_them() -> None:
    graph = boxes_beside_scores()
    scores = graph.operators[1].output
    graph.outputs = [graph.outputs[0], scores]
    before = run(graph, feed(graph))
    graph, pieces = split(graph, {"boxes": PIXELS, "scores": UNIT})
    assert [t.name for t in graph.outputs] == ["out_part0", "out_part1", "scores"]
    assert len(set(graph.outputs)) == 3
    after = put_together(graph, pieces)
    assert np.array_equal(after[0], before["out"])
    assert np.array_equal(after[1], before["scores"])


def test_an_output_that_moves_nothing_but_a_constant_is_not_mixed() -> None:
    moved = reshape(constant("eye", np.eye(4).reshape(1, 16)), (4, 4))
    assert not mixed_outputs(TFLiteNetwork(Graph([], [moved.output], [moved])), {})
