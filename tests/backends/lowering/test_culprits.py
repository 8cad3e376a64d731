"""What cannot be lowered is refused as the user's model calls it, without another tool's words."""

from __future__ import annotations

import re
import sys

import numpy as np
import onnx
import onnx_ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.errors import ArtifactError
from dlpuconv.ir import Model, Source
from dlpuconv.ir.source_names import source_names
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.measure import excite
from tests.backends.lowering.models import model
from tests.error_ids import raises_error, refused_by

FOREIGN = re.compile("onnx2tf|flatbuffer|custom|kernels/|LiteRT|Node number|--", re.IGNORECASE)


def test_every_operator_that_cannot_be_lowered_is_named_at_once() -> None:
    nodes = [
        helper.make_node("Einsum", ["x"], ["rows"], "the first", equation="ij->i"),
        helper.make_node("Relu", ["rows"], ["kept"], "between"),
        helper.make_node("Einsum", ["kept", "kept", "kept"], ["y"], "the second", equation="i,i,i->i"),
    ]
    source = model(nodes, {"x": (3, 4)}, {"y": (3,)})
    with raises_error("operator-not-lowered") as caught:
        lower(source, layouts={})
    why = "cannot be written as operators of TFLite"
    assert caught.value.problems == (f"Einsum 'the first' {why}", f"Einsum 'the second' {why}")
    assert refused_by(caught) == ("rows", "y")
    assert str(caught.value).startswith("2 operators cannot be written as operators of TFLite: Einsum 'the first'; ")
    assert not FOREIGN.search(str(caught.value))


def test_values_and_names_are_those_of_the_model_as_it_was_read() -> None:
    read = model([helper.make_node("Det", ["x"], ["y"], "as the user calls it")], {"x": (2, 3, 3)}, {"y": (2,)})
    names = source_names(read.graph.graph)
    normal = model([helper.make_node("Einsum", ["x"], ["y#1"], "as the user calls it", equation="ijj->i")],
                   {"x": (2, 3, 3)}, {"y#1": (2,)})  # fmt: skip
    with raises_error("operator-not-lowered", "Einsum 'as the user calls it'") as caught:
        lower(normal, layouts={}, names=names)
    assert refused_by(caught) == ("y",)


def test_types_that_no_tflite_file_of_ours_holds_are_refused_by_name() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["i"], "to it", to=TensorProto.UINT16),
        helper.make_node("Cast", ["i"], ["y"], "and back", to=TensorProto.FLOAT),
    ]
    with raises_error("operator-value-types", "Cast 'to it'", "Cast 'and back'") as caught:
        lower(model(nodes, {"x": (1, 4)}, {"y": (1, 4)}), layouts={})
    assert refused_by(caught) == ("i", "y")
    assert not FOREIGN.search(str(caught.value))


@pytest.mark.parametrize(("operator", "right"), [("Gather", 0), ("Div", 1)])
def test_integers_are_such_that_onnx_runtime_takes_them(operator: str, right: int) -> None:
    """Of one row there is only number 0; by 0 nothing is divided."""
    value = {"Gather": ["x", "i"], "Div": ["seven", "i"]}[operator]
    nodes = [helper.make_node(operator, value, ["y"]), helper.make_node("Neg", ["x"], ["z"])]
    graph = helper.make_graph(
        nodes,
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3]),
            helper.make_tensor_value_info("i", TensorProto.INT64, [2]),
        ],
        [
            helper.make_tensor_value_info("y", {"Gather": TensorProto.FLOAT, "Div": TensorProto.INT64}[operator], None),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3]),
        ],
        [numpy_helper.from_array(np.array([7]), "seven")],
    )
    proto = onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    proto.ir_version = 9
    source = Model(graph=onnx_ir.from_proto(proto), source=Source(name="test", sha256=""))
    sample, _ = excite(source.split(), source.signature)
    assert np.all(sample["i"] == right)


def test_what_onnx_runtime_has_no_kernel_of_is_named_in_our_words() -> None:
    node = helper.make_node("Pow", ["x", "n"], ["y"], "the power")
    source = model([node], {"x": (1, 3)}, {"y": (1, 3)}, {"n": np.array([2, 3, 4], np.uint32)})
    with raises_error("operator-value-types", "1 operator", "Pow 'the power'") as caught:
        lower(source, layouts={})
    assert not FOREIGN.search(str(caught.value))


def test_whatever_else_onnx_runtime_says_keeps_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = MemoryError()

    def fail(*_: object) -> None:
        raise ArtifactError("it cannot be run") from cause

    monkeypatch.setattr(sys.modules["dlpuconv_backends.lowering.lower"], "prove", fail)
    source = model([helper.make_node("Relu", ["x"], ["y"], "relu")], {"x": (1, 3)}, {"y": (1, 3)})
    with pytest.raises(ArtifactError) as caught:
        lower(source, layouts={})
    assert caught.value.__cause__ is cause
