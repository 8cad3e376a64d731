"""Loops over values of the network whose number of steps constants tell are written out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnx.parser
import pytest

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends.counted_loops import unroll_counted_loops
from tests.error_ids import raises_error
from tests.frontends.support import read

if TYPE_CHECKING:
    import numpy.typing as npt

ROWS = np.random.default_rng(1).standard_normal((1, 6, 4)).astype(np.float32)


def recurrent(head: str = "int64 times = {6}, bool go = {1}", goes_on: str = "Identity(c)", opset: int = 18) -> str:
    """State' = tanh(row + state), over the rows that a counter of its own points at; all states, and the last one."""
    return f"""<ir_version: 8, opset_import: ["" : {opset}]>
    g (float[1,6,4] x) => (float[n,1,4] all, float[1,4] last)
        <int64 zero = {{0}}, int64 most = {{3}}, float[1,4] empty = {{0, 0, 0, 0}}, {head}>
    {{
        place, last, all = Loop(times, go, zero, empty) <body = b (int64 i, bool c, int64 k, float[1,4] h)
            => (bool d, int64 l, float[1,4] j, float[1,4] out) <int64 one = {{1}}>
        {{
            l = Add(k, one)
            row = Gather<axis = 1>(x, k)
            sum = Add(row, h)
            j = Tanh(sum)
            out = Identity(j)
            d = {goes_on}
        }}>
    }}"""


def states(steps: int) -> npt.NDArray[np.float32]:
    found = [np.zeros((1, 4), np.float32)]
    for row in ROWS[0, :steps]:
        found.append(np.tanh(row + found[-1]))
    return np.stack(found[1:])


@pytest.mark.parametrize("opset", [12, 18])
@pytest.mark.parametrize(
    ("head", "goes_on", "steps"),
    [
        ("int64 times = {6}, bool go = {1}", "Identity(c)", 6),
        (
            "int64 times = {6}, bool go = {1}",
            "Less(k, most)",
            4,
        ),  # asked at the end of each step: 0, 1, 2 and 3, which is not
        ("int64 times = {1000000000000}, bool go = {1}", "Less(l, most)", 3),
        ("int64 times = {1}, bool go = {1}", "Identity(c)", 1),
    ],
)
def test_it_becomes_its_steps(head: str, goes_on: str, steps: int, opset: int) -> None:
    model = read(onnx.parser.parse_model(recurrent(head, goes_on, opset)))
    kinds = [node.op_type for node in model.graph.graph]
    assert kinds.count("Tanh") == steps
    assert "Loop" not in kinds
    found = OrtRunner(model.to_bytes()).run({"x": ROWS})
    np.testing.assert_allclose(np.asarray(found["all"], np.float32), states(steps), atol=1e-6)
    np.testing.assert_allclose(np.asarray(found["last"], np.float32), states(steps)[-1], atol=1e-6)


@pytest.mark.parametrize(
    ("head", "goes_on"),
    [
        ("int64 times = {129}, bool go = {1}", "Identity(c)"),  # one more than is written out
        ("int64 times = {6}, bool go = {0}", "Identity(c)"),  # never begins
        ("int64 times = {6}, bool go = {1}", "IsNaN(first)"),
    ],
)
def test_one_without_a_known_number_of_few_steps_is_refused(head: str, goes_on: str) -> None:
    text = recurrent(head, goes_on).replace("d = IsNaN", "first = Gather(j, zero)\nd = IsNaN")
    with raises_error("operator-control-flow", "Loop "):
        read(onnx.parser.parse_model(text))


def test_as_many_as_no_network_has_stay_and_so_do_damaged_ones() -> None:
    model = onnx.parser.parse_model(recurrent())
    model.graph.node[0].ClearField("attribute")
    unroll_counted_loops(model)
    assert [node.op_type for node in model.graph.node] == ["Loop"]
    many = onnx.parser.parse_model(recurrent())
    for number in range(64):
        many.graph.node.add().CopyFrom(many.graph.node[0])
        many.graph.node[-1].output[:] = [f"{name}_{number}" for name in many.graph.node[0].output]
    unroll_counted_loops(many)
    assert [node.op_type for node in many.graph.node] == ["Loop"] * 65


def test_one_whose_constants_would_be_copied_into_gigabytes_stays() -> None:
    model = onnx.parser.parse_model(recurrent())
    body = model.graph.node[0].attribute[0].g
    big = onnx.numpy_helper.from_array(np.zeros(12 << 20, np.float32), "big")  # 48 MiB, six times
    body.node.add(op_type="Constant", output=["big"]).attribute.add(
        name="value", t=big, type=onnx.AttributeProto.TENSOR
    )
    unroll_counted_loops(model)
    assert [node.op_type for node in model.graph.node] == ["Loop"]
