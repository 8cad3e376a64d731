"""What is one operator to the quantizer, and what stays float among itself."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv_backends.onnx_qdq.axes import channel_axes
from dlpuconv_backends.onnx_qdq.graph import OnnxGraph
from dlpuconv_backends.onnx_qdq.groups import group
from tests.backends.onnx_qdq.models import model, weights


def kinds(text: str, constants: dict[str, object]) -> dict[str, bool]:
    """By kind of each group: whether it is an integer one."""
    graph = OnnxGraph.of(model(text, constants))
    return {found.kind: found.integer for found in group(graph, channel_axes(graph))}


def test_a_product_of_matrices_takes_the_bias_behind_it() -> None:
    text = "(float[1,3,4] x) => (float[1,3,2] y) { a = MatMul(x, w) \n b = Add(c, a) \n y = Relu(b) }"
    assert kinds(text, {"w": weights(4, 2), "c": weights(2)}) == {"MatMul": True}


@pytest.mark.parametrize("shape", [(3, 1), (1,), (3, 2)])
def test_what_is_no_bias_is_added_by_itself(shape: tuple[int, ...]) -> None:
    text = "(float[1,3,4] x) => (float[1,3,2] y) { a = MatMul(x, w) \n y = Add(a, c) }"
    assert kinds(text, {"w": weights(4, 2), "c": weights(*shape)}) == {"MatMul": True, "Add": True}


def test_a_clip_that_others_look_past_is_not_fused() -> None:
    text = "(float[1,2,4,4] x) => (float[1,2,4,4] y, float[1,2,4,4] z) { z = Conv(x, w) \n y = Relu(z) }"
    assert kinds(text, {"w": weights(2, 2, 1, 1)}) == {"Conv": True, "Relu": True}


def test_a_clip_that_does_not_begin_at_zero_is_not_fused() -> None:
    text = "(float[1,2,4,4] x) => (float[1,2,4,4] y) { z = Conv(x, w) \n y = Clip(z, low, high) }"
    found = kinds(text, {"w": weights(2, 2, 1, 1), "low": np.float32(-1), "high": np.float32(1)})
    assert found == {"Conv": True, "Clip": True}


def test_float_operators_and_what_lies_between_them_are_one_island() -> None:
    text = "(float[1,4] x) => (float[1,4] y) { a = Exp(x) \n b = Add(a, one) \n c = Log(b) \n y = Mul(c, two) }"
    found = kinds(text, {"one": np.float32(1), "two": np.float32(2)})
    assert found == {"Exp+Add+Log+Mul": False}


def test_what_others_read_ends_its_island() -> None:
    text = "(float[1,4] x) => (float[1,4] y, float[1,4] z) { a = Exp(x) \n y = Tanh(a) \n z = Sigmoid(a) }"
    assert kinds(text, {}) == {"Exp": False, "Tanh": False, "Sigmoid": True}


def test_arithmetic_between_layers_is_integer() -> None:
    text = "(float[1,2,4,4] x) => (float[1,2,4,4] y) { a = Conv(x, w) \n b = Conv(a, v) \n y = Add(a, b) }"
    found = kinds(text, {"w": weights(2, 2, 1, 1), "v": weights(2, 2, 1, 1)})
    assert found == {"Conv": True, "Add": True}


@pytest.mark.parametrize(
    ("attributes", "integer"),
    [
        ('mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"', True),
        ('mode = "linear"', False),
        ('mode = "cubic"', False),
    ],
)
def test_bytes_are_resized_by_copying_only(attributes: str, integer: bool) -> None:
    text = f"(float[1,2,4,4] x) => (float[1,2,8,8] y) {{ y = Resize<{attributes}>(x, , f) }}"
    assert kinds(text, {"f": np.array([1, 1, 2, 2], np.float32)}) == {"Resize": integer}


def test_every_node_is_in_one_group_and_runs_behind_what_it_reads() -> None:
    text = """(float[1,4] x) => (float[1,4] y) {
        a = Exp(x) \n b = Tanh(x) \n c = Add(a, b) \n d = Sigmoid(x) \n e = Mul(c, d) \n y = Add(e, a)
    }"""
    graph = OnnxGraph.of(model(text))
    found = group(graph, channel_axes(graph))
    assert sorted(id(n) for g in found for n in g.nodes) == sorted(id(n) for n in graph.nodes)
    known = set(graph.inputs)
    for each in found:
        inside = {name for node in each.nodes for name in node.output}
        assert {name for node in each.nodes for name in node.input} <= known | inside
        known |= inside
