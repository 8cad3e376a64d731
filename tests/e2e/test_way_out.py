"""The advice of every refusal is followed: what it cuts off is computed in ONNX Runtime; the outputs are the same."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import helper

import dlpuconv
from dlpuconv.errors import UnsupportedModelError
from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.nodes import free_names
from tests.division.constructs import FOREIGN, RUNNING
from tests.division.support import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.division.support import Arrays

pytestmark = pytest.mark.slow

X = np.random.default_rng(0).standard_normal((4, 3, 32, 32)).astype(np.float32)
CONVERTS = {"ArgMax and arithmetic"}  # int8 has a form of it


def advised(proto: onnx.ModelProto, target: str) -> list[str]:
    """The values that a refusal says to end the network at."""
    with pytest.raises(UnsupportedModelError) as refusal:
        dlpuconv.convert(proto, target=target, tail="off", calibration={"x": X}, effort="fast", progress=None)
    found = re.search(r"end the network with cut_at=(\[.*\]) and compute the rest on the CPU$", str(refusal.value))
    assert found, str(refusal.value)
    names: list[str] = ast.literal_eval(found[1])
    return names


def rest(proto: onnx.ModelProto, given: Mapping[str, np.ndarray]) -> onnx.ModelProto:  # type: ignore[type-arg]
    """All operators of a model that are needed to get from these values to its outputs, and the model's inputs."""
    nodes: list[onnx.NodeProto] = []
    wanted = {output.name for output in proto.graph.output} - given.keys()
    for node in reversed(proto.graph.node):
        if wanted & set(node.output):
            nodes.insert(0, node)
            wanted |= free_names(node) - given.keys()
    read = set().union(*map(free_names, nodes))
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in given.items()
        if name in read
    ]
    inputs += [value for value in proto.graph.input if value.name in wanted]
    outputs = [value for value in proto.graph.output if value.name not in given]
    constants = [tensor for tensor in proto.graph.initializer if tensor.name in read]
    graph = helper.make_graph(nodes, "rest", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=proto.opset_import, ir_version=proto.ir_version)


def cut_off(proto: onnx.ModelProto, names: list[str], feeds: Arrays) -> Arrays:
    """What the network gives that ends at these values."""
    return evaluate(load(proto, SourceOptions(cut_at=tuple(names))).to_proto(), feeds)


@pytest.mark.parametrize("name", sorted(RUNNING.keys() - CONVERTS))
def test_the_rest_can_be_computed_from_the_values_that_a_refusal_names(name: str) -> None:
    proto = RUNNING[name]()
    feeds = {"x": X[:1]}
    given = cut_off(proto, advised(proto, "artpec8"), feeds)
    part = rest(proto, given)
    assert "x" not in {value.name for value in part.graph.input}  # nothing is computed twice
    got, right = {**given, **evaluate(part, given)}, evaluate(proto, feeds)
    for output in right:
        np.testing.assert_allclose(got[output], right[output], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", ["artpec8", "cv25"])
@pytest.mark.parametrize("name", FOREIGN)
def test_operators_of_another_runtime_read_only_values_that_a_refusal_names(name: str, target: str) -> None:
    proto = FOREIGN[name]()
    names = advised(proto, target)
    part = rest(proto, cut_off(proto, names, {"x": X[:1]}))
    assert {value.name for value in part.graph.input} <= set(names)
    assert [node.op_type for node in part.graph.node if "NMS" in node.op_type]


def test_the_advice_is_about_the_outputs_that_the_user_asked_for() -> None:
    proto = RUNNING["Sin and Cos of oriented boxes"]()
    with pytest.raises(UnsupportedModelError, match=r"cut_at=\['angle'\] and compute the rest"):
        dlpuconv.convert(proto, target="artpec8", cut_at=["sin"], calibration={"x": X}, effort="fast", progress=None)
