"""Loops that depend on constants alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.parser

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends import constant_loops
from dlpuconv.isolation import Limits
from tests.error_ids import raises_error
from tests.frontends.support import read

if TYPE_CHECKING:
    import pytest

HEAD = '<ir_version: 8, opset_import: ["" : 18]>'

STRIDED = """g (float[1,6] x) => (float[3,2] y)
    <int64 axes = {2}, int64[2] sizes = {3, 2}, int64[2] strides = {1, 3}, int64[1] all = {-1}, int64[1] one = {1},
     int64 zero = {0}, int64 step = {1}, bool go = {1}>
{
    none = SequenceEmpty<dtype = 7>()
    parts, index = Loop(axes, go, none, zero) <body = b (int64 i, bool c, seq(int64[]) s, int64[] k)
        => (bool d, seq(int64[]) t, int64[] m) {
            at = Reshape(i, one)
            size = Gather(sizes, i)
            stride = Gather(strides, i)
            positions = Range(zero, size, step)
            row = Mul(positions, stride)
            back = Sub(step, i)
            tail = Reshape(back, one)
            shape = Concat<axis = 0>(all, tail)
            flat = Reshape(row, all)
            wide = Unsqueeze(flat, one)
            narrow = Unsqueeze(flat, first)
            is_first = Equal(i, zero)
            shaped = If(is_first) <then_branch = p () => (int64[] u) { u = Identity(wide) },
                                   else_branch = q () => (int64[] v) { v = Identity(narrow) }>
            m = Add(k, shaped)
            t = SequenceInsert(s, m)
            d = Identity(c)
        }>
    flat_x = Reshape(x, all)
    y = Gather(flat_x, index)
}"""


def parsed(text: str) -> onnx.ModelProto:
    """A model from text; `first` is the axis 0."""
    model = onnx.parser.parse_model(HEAD + text)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "first"))
    return model


def test_a_loop_that_makes_indices_becomes_the_indices() -> None:
    """As PyTorch's exporter spells as_strided(x, (3, 2), (1, 3)): rows and columns change places."""
    source = parsed(STRIDED)
    model = read(source)
    assert [node.op_type for node in model.graph.graph] == ["Reshape", "Gather"]
    x = np.arange(6, dtype=np.float32)[None]
    (found,) = OrtRunner(model.to_bytes()).run({"x": x}).values()
    np.testing.assert_array_equal(found, x.reshape(2, 3).T)


def counted(bound: str, step: str) -> onnx.ModelProto:
    """y = x + a number that a Loop counts up."""
    return parsed(f"""g (float[1,6] x) => (float[1,6] y)
        <float begin = {{0}}, float one = {{1}}, bool go = {{1}}, {bound}>
    {{
        sum = Loop(times, go, begin) <body = b (int64 i, bool c, float k) => (bool d, float m) {{
            {step}
            m = Add(k, more)
            d = Identity(c)
        }}>
        y = Add(x, sum)
    }}""")


def test_one_that_counts_becomes_the_number() -> None:
    model = read(counted("int64 times = {5}", "more = Identity(one)"))
    assert [node.op_type for node in model.graph.graph] == ["Add"]
    (found,) = OrtRunner(model.to_bytes()).run({"x": np.zeros((1, 6), np.float32)}).values()
    np.testing.assert_array_equal(found, np.full((1, 6), 5))


def test_one_that_never_ends_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constant_loops, "_LIMITS", Limits(memory=1 << 30, seconds=1))
    with raises_error("operator-control-flow", "Loop "):
        read(counted("int64 times = {4611686018427387904}", "more = Identity(one)"))


def test_one_that_depends_on_chance_is_refused() -> None:
    with raises_error("operator-random", "RandomNormal"):
        read(counted("int64 times = {5}", "more = RandomNormal<shape = [1]>()"))
