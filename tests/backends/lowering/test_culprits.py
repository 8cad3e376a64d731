"""What cannot be lowered is refused as the user's model calls it, without another tool's words."""

from __future__ import annotations

import re

import pytest
from onnx import helper

from dlpuconv.errors import UnsupportedModelError
from dlpuconv.ir.source_names import source_names
from dlpuconv_backends.lowering import lower
from tests.backends.lowering.models import model

FOREIGN = re.compile("onnx2tf|flatbuffer|custom|kernels/|LiteRT|Node number|--", re.IGNORECASE)


def test_every_operator_that_cannot_be_lowered_is_named_at_once() -> None:
    nodes = [
        helper.make_node("Einsum", ["x"], ["rows"], "the first", equation="ij->i"),
        helper.make_node("Relu", ["rows"], ["kept"], "between"),
        helper.make_node("Einsum", ["kept", "kept", "kept"], ["y"], "the second", equation="i,i,i->i"),
    ]
    source = model(nodes, {"x": (3, 4)}, {"y": (3,)})
    with pytest.raises(UnsupportedModelError) as caught:
        lower(source, layouts={})
    assert caught.value.problems == ("Einsum 'the first'", "Einsum 'the second'")
    assert caught.value.refused == ("rows", "y")
    assert str(caught.value).startswith("2 operator(s) cannot be written as operators of TFLite: Einsum 'the first'; ")
    assert not FOREIGN.search(str(caught.value))


def test_values_and_names_are_those_of_the_model_as_it_was_read() -> None:
    read = model([helper.make_node("Det", ["x"], ["y"], "as the user calls it")], {"x": (2, 3, 3)}, {"y": (2,)})
    names = source_names(read.graph.graph)
    normal = model([helper.make_node("Einsum", ["x"], ["y#1"], "as the user calls it", equation="ijj->i")],
                   {"x": (2, 3, 3)}, {"y#1": (2,)})  # fmt: skip
    with pytest.raises(UnsupportedModelError, match="Einsum 'as the user calls it'") as caught:
        lower(normal, layouts={}, names=names)
    assert caught.value.refused == ("y",)
