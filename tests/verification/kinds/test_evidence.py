"""What a graph tells of its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx_ir
import pytest
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper, shape_inference

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.evidence import kinds_behind, kinds_of
from tests.error_ids import raises_error

if TYPE_CHECKING:
    import onnx

    type Shape = list[int | str]

FLOAT = TensorProto.FLOAT
node = helper.make_node


def graph(
    nodes: list[onnx.NodeProto], x: Shape, constants: dict[str, Any] | None = None, *outputs: str, opset: int = 17
) -> onnx_ir.Graph:
    """A network from `x` to `y`, or to these outputs, whose shapes are inferred."""
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", FLOAT, x)],
            [ValueInfoProto(name=name) for name in outputs or ("y",)],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
        ),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    return onnx_ir.from_proto(shape_inference.infer_shapes(model)).graph


def told(found: onnx_ir.Graph, name: str = "y", **stated: OutputKind) -> list[tuple[str, str]]:
    return [(region.kind.value, region.place) for region in kinds_of(found, stated).get(name, ())]


def test_nothing_is_said_of_an_output_that_no_operator_tells_of() -> None:
    assert kinds_of(graph([node("Relu", ["x"], ["y"])], [1, 10])) == {}


@pytest.mark.parametrize("kind", ["Softmax", "LogSoftmax"])
def test_a_softmax_over_a_vector_gives_classes_through_moves(kind: str) -> None:
    nodes = [node("Flatten", ["x"], ["f"]), node(kind, ["f"], ["s"], axis=-1), node("Identity", ["s"], ["y"])]
    assert told(graph(nodes, [1, 10, 1, 1])) == [("classes", "")]


def test_a_softmax_at_every_anchor_gives_scores() -> None:
    assert told(graph([node("Softmax", ["x"], ["y"], axis=2)], [1, 4200, 2])) == [("scores", "")]


def test_a_softmax_that_is_spelled_out_is_one() -> None:
    nodes = [node("Exp", ["x"], ["e"]), node("ReduceSum", ["e", "a"], ["s"]), node("Div", ["e", "s"], ["y"])]
    assert told(graph(nodes, [1, 10], {"a": np.array([1])})) == [("classes", "")]


def test_probabilities_of_the_picture_s_own_size_are_masks_and_coarser_ones_scores() -> None:
    nodes = [node("Sigmoid", ["x"], ["y"])]
    assert told(graph(nodes, [1, 1, 32, 32])) == [("masks", "")]
    pooled = [node("MaxPool", ["x"], ["p"], kernel_shape=[4, 4], strides=[4, 4]), node("Sigmoid", ["p"], ["y"])]
    assert told(graph(pooled, [1, 1, 32, 32])) == [("scores", "")]


def test_labels_are_classes_or_masks() -> None:
    assert told(graph([node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)], [1, 5])) == [("classes", "")]
    assert told(graph([node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)], [1, 5, 16, 16])) == [("masks", "")]


def test_products_of_probabilities_are_scores_and_products_with_anything_else_are_not() -> None:
    both = [node("Sigmoid", ["x"], ["a"]), node("Softmax", ["x"], ["b"]), node("Mul", ["a", "b"], ["y"])]
    assert told(graph(both, [1, 100, 3])) == [("scores", "")]
    one = [node("Sigmoid", ["x"], ["a"]), node("Mul", ["a", "x"], ["y"])]  # SiLU
    assert told(graph(one, [1, 100, 3])) == []


def test_peaks_that_a_comparison_picks_from_scores_are_scores() -> None:
    nodes = [
        node("Sigmoid", ["x"], ["s"]),
        node("MaxPool", ["s"], ["m"], kernel_shape=[3, 3], pads=[1] * 4),
        node("Equal", ["m", "s"], ["e"]),
        node("Cast", ["e"], ["k"], to=FLOAT),
        node("Mul", ["s", "k"], ["p"]),
        node("Flatten", ["p"], ["y"]),
    ]
    assert told(graph(nodes, [1, 3, 8, 8])) == [("scores", "")]


@pytest.mark.parametrize(
    "nodes",
    [
        [node("LpNormalization", ["x"], ["y"], axis=1, p=2)],
        [node("ReduceL2", ["x"], ["n"], axes=[1]), node("Clip", ["n", "e"], ["c"]), node("Div", ["x", "c"], ["y"])],
        [
            node("Mul", ["x", "x"], ["s"]),
            node("ReduceSum", ["s", "a"], ["n"]),
            node("Sqrt", ["n"], ["r"]),
            node("Div", ["x", "r"], ["y"]),
        ],
        [
            node("ReduceL2", ["x"], ["n"], axes=[1]),
            node("Clip", ["n", "e"], ["c"]),
            node("Expand", ["c", "w"], ["b"]),
            node("Div", ["x", "b"], ["y"]),
        ],
    ],
    ids=["operator", "norm", "spelled out", "as PyTorch exports it"],
)
def test_what_is_divided_by_its_own_length_is_an_embedding(nodes: list[onnx.NodeProto]) -> None:
    constants = {"e": np.float32(1e-12), "a": np.array([1]), "w": np.array([1, 128])}
    assert told(graph(nodes, [1, 128], constants)) == [("embeddings", "")]


def test_what_is_divided_by_something_else_s_length_is_none() -> None:
    nodes = [node("Relu", ["x"], ["r"]), node("ReduceL2", ["r"], ["n"], axes=[1]), node("Div", ["x", "n"], ["y"])]
    assert told(graph(nodes, [1, 128])) == []


def anchors_and_scores() -> list[onnx.NodeProto]:
    """A head like YOLOv8's: [1, 7, 84], four distances and three classes."""
    return [
        node("Split", ["x", "parts"], ["d", "c"], axis=1),
        node("Split", ["d", "halves"], ["lt", "rb"], axis=1),
        node("Sub", ["places", "lt"], ["p1"]),
        node("Add", ["places", "rb"], ["p2"]),
        node("Add", ["p1", "p2"], ["sum"]),
        node("Div", ["sum", "two"], ["centre"]),
        node("Sub", ["p2", "p1"], ["extent"]),
        node("Concat", ["centre", "extent"], ["boxes"], axis=1),
        node("Mul", ["boxes", "strides"], ["pixels"]),
        node("Sigmoid", ["c"], ["scores"]),
        node("Concat", ["pixels", "scores"], ["y"], axis=1),
    ]


ANCHORS = {
    "parts": np.array([4, 3]),
    "halves": np.array([2, 2]),
    "two": np.float32(2),
    "places": np.arange(168, dtype=np.float32).reshape(1, 2, 84),
    "strides": np.full((1, 84), 8, np.float32),
}


def test_a_concatenation_of_decoded_boxes_and_scores_is_told_apart() -> None:
    found = graph(anchors_and_scores(), [1, 7, 84], ANCHORS)
    assert told(found) == [("boxes", "[:, 0:4]"), ("scores", "[:, 4:7]")]


def test_parts_keep_their_places_through_a_transposition_and_are_lost_where_axes_are_merged() -> None:
    last = [*anchors_and_scores()[:-1], node("Concat", ["pixels", "scores"], ["z"], axis=1)]
    turned = [*last, node("Transpose", ["z"], ["y"], perm=[0, 2, 1])]
    assert told(graph(turned, [1, 7, 84], ANCHORS)) == [("boxes", "[:, :, 0:4]"), ("scores", "[:, :, 4:7]")]
    flat = [*last, node("Reshape", ["z", "s"], ["y"])]
    assert told(graph(flat, [1, 7, 84], {**ANCHORS, "s": np.array([1, -1])})) == []


def test_boxes_of_two_halves_with_anchors_are_recognized_across_scales() -> None:
    scales = []
    for k in "ab":
        scales += [
            node("Split", ["x", "parts"], [f"xy{k}", f"wh{k}", f"s{k}"], axis=2),
            node("Add", [f"xy{k}", "grid"], [f"c{k}"]),
            node("Mul", [f"wh{k}", "anchors"], [f"e{k}"]),
            node("Sigmoid", [f"s{k}"], [f"p{k}"]),
            node("Concat", [f"c{k}", f"e{k}", f"p{k}"], [f"o{k}"], axis=2),
        ]
    constants = {
        "parts": np.array([2, 2, 6]),
        "grid": np.zeros((1, 30, 2), np.float32),
        "anchors": np.ones((1, 30, 2), np.float32),
    }
    found = graph([*scales, node("Concat", ["oa", "ob"], ["y"], axis=1)], [1, 30, 10], constants)
    assert told(found) == [("boxes", "[:, :, 0:4]"), ("scores", "[:, :, 4:10]")]


def test_four_columns_without_places_are_no_boxes() -> None:
    assert told(graph([node("Mul", ["x", "s"], ["y"])], [1, 4], {"s": np.float32(2)})) == []
    scaled = graph([node("Mul", ["x", "s"], ["y"])], [1, 4, 8, 8], {"s": np.ones((1, 4, 1, 1), np.float32)})
    assert told(scaled) == []


def test_plain_values_for_as_many_places_as_there_are_scores_are_told_to_stand_beside_them() -> None:
    nodes = [node("Softmax", ["x"], ["scores"], axis=2), node("Relu", ["x"], ["y"])]
    found = kinds_of(graph(nodes, [1, 4200, 2], None, "scores", "y"))
    assert [(r.kind, r.places) for r in found["y"]] == [(OutputKind.VALUES, 1)]


def test_the_user_is_believed() -> None:
    relu = graph([node("Relu", ["x"], ["y"])], [1, 10])
    assert told(relu, y=OutputKind.SCORES) == [("scores", "")]
    assert kinds_of(relu, {"y": OutputKind.CLASSES})["y"][0].classes == 1
    softmax = graph([node("Softmax", ["x"], ["y"])], [1, 10])
    assert told(softmax, y=OutputKind.VALUES) == [("values", "")]


def test_a_tail_goes_on_from_what_the_network_in_front_of_it_tells() -> None:
    front = graph([node("Sigmoid", ["x"], ["s"]), node("Relu", ["x"], ["r"])], [1, 3, 8, 8], None, "s", "r")
    tail = helper.make_model(
        helper.make_graph(
            [node("Flatten", ["s"], ["y"]), node("Neg", ["r"], ["z"])],
            "tail",
            [helper.make_tensor_value_info(name, FLOAT, [1, 3, 8, 8]) for name in ("s", "r")],
            [helper.make_tensor_value_info(name, FLOAT, [1, "n"]) for name in ("y", "z")],
        )
    )
    found = kinds_behind(front, onnx_ir.from_proto(tail).graph)
    assert {name: [region.kind for region in regions] for name, regions in found.items()} == {"y": [OutputKind.SCORES]}


def test_rows_that_a_ranking_chooses_keep_their_kinds_and_are_told_to_be_in_an_order_of_their_own() -> None:
    nodes = [
        *anchors_and_scores()[:-1],
        node("Transpose", ["pixels"], ["b"], perm=[0, 2, 1]),
        node("Transpose", ["scores"], ["s"], perm=[0, 2, 1]),
        node("ReduceMax", ["s"], ["best"], axes=[2], keepdims=0),
        node("ArgMax", ["s"], ["which"], axis=2, keepdims=0),
        node("TopK", ["best", "k"], ["top", "index"], axis=1),
        node("Unsqueeze", ["index", "last"], ["rows"]),
        node("Tile", ["rows", "four"], ["tiled"]),
        node("GatherElements", ["b", "tiled"], ["bs"], axis=1),
        node("GatherElements", ["which", "index"], ["ls"], axis=1),
        node("Cast", ["ls"], ["lf"], to=FLOAT),
        node("Unsqueeze", ["lf", "last"], ["l"]),
        node("Unsqueeze", ["top", "last"], ["t"]),
        node("Concat", ["bs", "t", "l"], ["y"], axis=2),
    ]
    constants = {**ANCHORS, "k": np.array([10]), "last": np.array([2]), "four": np.array([1, 1, 4])}
    found = graph(nodes, [1, 7, 84], constants)
    assert told(found) == [("boxes", "[:, :, 0:4]"), ("scores", "[:, :, 4:5]"), ("classes", "[:, :, 5:6]")]
    assert all(region.selected for region in kinds_of(found)["y"])


@pytest.mark.parametrize("shape", [[1, 3, 32, 32], [1, 4]])
def test_colors_and_a_single_box_are_in_doubt_no_probabilities(shape: Shape) -> None:
    assert told(graph([node("Sigmoid", ["x"], ["y"])], shape)) == []


def test_boxes_are_not_believed_in_where_nothing_is_of_four_numbers() -> None:
    relu = graph([node("Relu", ["x"], ["y"])], [1, 10])
    with raises_error("output-kind-misfit", "'y=boxes'", "[1, 10]"):
        kinds_of(relu, {"y": OutputKind.BOXES})


def test_four_probabilities_at_every_place_are_in_doubt_no_scores() -> None:
    """RT-DETR gives boxes as shares of the picture by a Sigmoid, beside its scores or in front of them."""
    assert told(graph([node("Sigmoid", ["x"], ["y"])], [1, 300, 4])) == []
    split = [
        node("Split", ["x", "p"], ["b", "c"], axis=2),
        node("Sigmoid", ["b"], ["bs"]),
        node("Sigmoid", ["c"], ["cs"]),
    ]
    found = graph([*split, node("Concat", ["bs", "cs"], ["y"], axis=2)], [1, 300, 84], {"p": np.array([4, 80])})
    assert told(found) == [("values", "[:, :, 0:4]"), ("scores", "[:, :, 4:84]")]


def test_a_graph_that_branches_at_every_step_is_walked_in_no_time() -> None:
    squares = [node("Mul", [f"v{at}", f"v{at}"], [f"v{at + 1}"]) for at in range(60)]
    joined = [node("Concat", ["v60"] * 8, ["w0"], axis=1)]
    joined += [node("Concat", [f"w{at}"] * 8, [f"w{at + 1}"], axis=2) for at in range(3)]
    nodes = [node("Sigmoid", ["x"], ["v0"]), *squares, *joined, node("Identity", ["w3"], ["y"])]
    assert told(graph(nodes, [1, 2, 2])) == []  # further away than is looked
    sums = [node("Add", [f"a{at}", f"a{at}"], [f"a{at + 1}"]) for at in range(60)]
    boxes = [node("Neg", ["x"], ["a0"]), *sums, node("Mul", ["a60", "two"], ["y"])]
    assert told(graph(boxes, [1, 4, 84], {"two": np.float32(2)})) == []
