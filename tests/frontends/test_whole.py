from __future__ import annotations

import numpy as np
import onnx
import pytest

from dlpuconv.division.extract import extract
from dlpuconv.division.frontier import divide
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.frontends.whole import chip_part, read_whole
from tests.division.constructs import FOREIGN, RUNNING
from tests.division.support import chained, evaluate
from tests.error_ids import raises_error, refused_by
from tests.frontends.support import build, node, value

AT_ONCE = {
    "NonMaxSuppression": {"kept"}, "NonMaxSuppression and Gather": {"kept"}, "Loop": {"y"}, "NonZero": {"which"},
    "If": {"y"}, "a sequence": {"list", "y"}, "TopK of unknown length": {"best", "at"},
    "TensorRT": {"num", "det", "sc", "cls"}, "TensorRT without a domain": {"num", "det", "sc", "cls"},
    "mmdeploy": {"det", "cls"},
}  # fmt: skip
"""What is refused when the network is read."""

LATER = {
    "TopK and index arithmetic": {"best", "place"}, "MaxUnpool": {"y"}, "Sin and Cos of oriented boxes": {"sin", "cos"},
    "ArgMax and arithmetic": {"class"}, "RoiAlign": {"y"}, "DeformConv": {"y"}, "GridSample nearest": {"y"},
}  # fmt: skip
"""What a chip refuses."""


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_cannot_be_read_tells_the_values_that_its_operators_make(name: str) -> None:
    with pytest.raises(UnsupportedModelError) as caught:
        load({**RUNNING, **FOREIGN}[name](), SourceOptions())
    assert set(refused_by(caught)) == AT_ONCE[name]
    assert "--cut-at" not in str(caught.value)


@pytest.mark.parametrize("name", RUNNING)
def test_a_network_with_such_an_end_is_read_divided_and_computes_the_same(name: str) -> None:
    proto = RUNNING[name]()
    whole = read_whole(proto, SourceOptions())
    division = divide(whole, {**AT_ONCE, **LATER}[name])
    model = chip_part(whole, division)
    feeds = {"x": np.random.default_rng(0).standard_normal((1, 3, 32, 32)).astype(np.float32)}
    got, right = chained(whole, division, model.to_proto(), feeds), evaluate(proto, feeds)
    assert division.outputs == tuple(output.name for output in proto.graph.output)
    for output in division.outputs:
        np.testing.assert_allclose(got[output], right[output], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", FOREIGN)
def test_an_end_of_another_runtime_reads_only_what_crosses_the_cut(name: str) -> None:
    whole = read_whole(FOREIGN[name](), SourceOptions())
    division = divide(whole, AT_ONCE[name])
    assert chip_part(whole, division).signature.outputs
    assert division.tail is not None
    assert set(division.tail.reads) <= set(division.cut)
    assert [n.op_type for n in division.tail.model.graph.node if "NMS" in n.op_type]


def test_arithmetic_with_shapes_is_no_part_of_a_whole() -> None:
    nodes = [
        node("Relu", ["x"], ["r"]),
        node("Shape", ["r"], ["s"]),
        node("Gather", ["s", "two"], ["h"]),
        node("Unsqueeze", ["h", "zero"], ["h1"]),
        node("Concat", ["one", "h1", "rest"], ["shape"], axis=0),
        node("Reshape", ["r", "shape"], ["t"]),
        node("NonZero", ["t"], ["y"]),
    ]
    constants = {"two": np.array(2), "zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1])}
    proto = build(nodes, [value("x", ("N", 2, 3, "W"))], [value("y", (3, "n"), onnx.TensorProto.INT64)], constants)
    whole = read_whole(proto, SourceOptions(input_shapes={"x": (1, 2, 3, 4)}))
    assert [n.op_type for n in whole.proto.graph.node] == ["Relu", "Reshape", "NonZero"]
    assert whole.inputs[0].shape == (1, 2, 3, 4)
    assert whole.signature.outputs == ()  # nobody knows how many
    assert whole.proto.graph.node[2].name == "NonZero_2"


def test_the_types_that_a_model_says_its_foreign_outputs_have_are_kept() -> None:
    whole = read_whole(FOREIGN["TensorRT"](), SourceOptions())
    assert [(spec.name, spec.shape, spec.dtype) for spec in whole.signature.outputs][:2] == [
        ("num", (1, 1), "int32"),
        ("det", (1, 10, 4), "float32"),
    ]


def test_half_precision_becomes_float32_in_all_parts() -> None:
    half = onnx.TensorProto.FLOAT16
    nodes = [node("Relu", ["x"], ["r"]), node("NonZero", ["r"], ["at"]), node("Magic", ["r"], ["y"], domain="acme")]
    outputs = [value("at", (2, "n"), onnx.TensorProto.INT64), value("y", (2, 3), half)]
    whole = read_whole(
        build(nodes, [value("x", (2, 3), half)], outputs, domains={"acme": 1}),
        SourceOptions(input_shapes={"x": (2, 3)}),
    )
    kinds = {v.name: v.type.tensor_type.elem_type for v in (*whole.proto.graph.value_info, *whole.proto.graph.output)}
    assert kinds == {"r": 1, "at": 7, "y": 1}
    part = extract(whole.proto, ["r"], ["at"])
    assert part.graph.input[0].type.tensor_type.elem_type == 1


def test_a_model_that_is_no_valid_onnx_is_no_whole_either() -> None:
    with raises_error("model-invalid"):
        read_whole(
            build([node("Relu", ["x", "x", "x"], ["y"])], [value("x", (1,))], [value("y", (1,))]), SourceOptions()
        )


def test_a_length_that_depends_on_values_is_refused_though_the_output_has_a_fixed_one() -> None:
    # the two largest of those above a half: Ultralytics' exports with nms=True end so
    nodes = [
        node("Relu", ["x"], ["r"]),
        node("Greater", ["r", "half"], ["over"]),
        node("NonZero", ["over"], ["at"]),
        node("Transpose", ["at"], ["places"], perm=[1, 0]),
        node("GatherND", ["r", "places"], ["some"]),
        node("TopK", ["some", "two"], ["top", "which"]),
        node("Reshape", ["top", "two"], ["y"]),
    ]
    constants = {"half": np.array(0.5, np.float32), "two": np.array([2])}
    proto = build(nodes, [value("x", (1, 9))], [value("y", (2,))], constants)
    with raises_error("shape-depends-on-values") as caught:
        load(proto, SourceOptions())
    assert refused_by(caught) == ("at",)
