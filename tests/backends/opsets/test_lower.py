"""Older opsets: each operator is spelled or decomposed as the older set wants it, with equal numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from dlpuconv.passes.editor import Editor
from dlpuconv_backends.opsets import lower_opset
from tests.backends.opsets.graphs import model_of, proto, run, sqnr_db

if TYPE_CHECKING:
    from dlpuconv.ir import Model
    from dlpuconv_backends.opsets import Blocker

EXACT_DB = 110.0


@dataclass(frozen=True)
class Case:
    """One operator `op(x, constants...) -> y`, what it must become, and at which opsets."""

    op: str
    opset: int
    wanted: int
    becomes: set[str]
    shape: tuple[int, ...] = (1, 4, 6, 5)
    constants: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    outputs: int = 1
    name: str = ""

    def model(self) -> onnx.ModelProto:
        read = self.inputs if self.inputs is not None else ("x", *self.constants)
        made = [f"y{i}" for i in range(self.outputs)]
        node = helper.make_node(self.op, read, made, name="node", **self.attributes)
        return proto([node], {"x": self.shape}, made, opset=self.opset, constants=self.constants)


def i64(*values: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(values, np.int64)


def f32(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(values, np.float32)


NORMALIZED = {"ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div"}
SCALE = {"g": f32(1, 2, 3, 4), "b": f32(4, 3, 2, 1)}
GRID = {"grid": np.linspace(-1, 1, 40, dtype=np.float32).reshape(1, 4, 5, 2)}
BY_SCALE, BY_SIZE = ("x", "", "scales"), ("x", "", "", "sizes")
SYMMETRIC = {"coordinate_transformation_mode": "half_pixel_symmetric", "mode": "linear"}

CASES = [
    Case(
        "GroupNormalization",
        18,
        13,
        {*NORMALIZED, "Reshape"},
        constants={"g": f32(2, 3), "b": f32(1, -1)},
        attributes={"num_groups": 2},
    ),
    Case("GroupNormalization", 21, 13, {*NORMALIZED, "Reshape"}, constants=SCALE, attributes={"num_groups": 2}),
    Case("Gelu", 20, 13, {"Div", "Erf", "Add", "Mul"}),
    Case("Gelu", 20, 11, {"Tanh", "Add", "Mul"}, attributes={"approximate": "tanh"}, name="by tanh"),
    Case("HardSwish", 20, 13, {"Add", "Clip", "Mul"}),
    Case("Mish", 18, 13, {"Softplus", "Tanh", "Mul"}),
    Case("Celu", 20, 11, {"Div", "Elu", "Mul"}, attributes={"alpha": 0.5}),
    Case("Trilu", 20, 13, {"Where"}, constants={"k": np.asarray(1, np.int64)}),
    Case("Trilu", 20, 11, {"Where"}, attributes={"upper": 0}, name="lower"),
    Case("CastLike", 20, 13, {"Cast"}, constants={"like": i64(1)}, outputs=1),
    Case("ReduceMean", 20, 13, {"ReduceMean"}, constants={"axes": i64(2, 3)}),
    Case("ReduceMax", 20, 11, {"ReduceMax"}, constants={"axes": i64(-1)}, attributes={"keepdims": 0}),
    Case("ReduceL2", 20, 13, {"ReduceL2"}, name="over all axes"),
    Case("ReduceMean", 20, 13, {"Identity"}, attributes={"noop_with_empty_axes": 1}, name="over none"),
    Case("ReduceSum", 20, 11, {"ReduceSum"}, constants={"axes": i64(1)}),
    Case("Squeeze", 20, 11, {"Squeeze"}, constants={"axes": i64(0)}),
    Case("Unsqueeze", 20, 11, {"Unsqueeze"}, constants={"axes": i64(0, 5)}),
    Case(
        "Split",
        20,
        13,
        {"Split"},
        attributes={"axis": 2, "num_outputs": 3},
        outputs=3,
        shape=(1, 2, 7, 3),
        name="uneven",
    ),
    Case("Split", 20, 11, {"Split"}, constants={"sizes": i64(1, 3)}, attributes={"axis": 1}, outputs=2),
    Case(
        "Pad",
        20,
        13,
        {"Pad"},
        inputs=("x", "pads", "", "axes"),
        constants={"pads": i64(1, 0, 2, 3), "axes": i64(2, -1)},
    ),
    Case(
        "Pad",
        20,
        11,
        {"Pad"},
        constants={"pads": i64(0, 1), "value": np.asarray(7, np.float32), "axes": i64(1)},
        name="with a value",
    ),
    Case(
        "Resize",
        20,
        13,
        {"Resize"},
        inputs=BY_SCALE,
        constants={"scales": f32(1, 1, 2, 3)},
        attributes={"mode": "linear", "antialias": 1},
        name="antialias that enlarges",
    ),
    Case(
        "Resize",
        20,
        13,
        {"Resize"},
        inputs=BY_SIZE,
        constants={"sizes": i64(9, 13)},
        attributes={"mode": "linear", "axes": [2, 3]},
        name="some axes by size",
    ),
    Case(
        "Resize",
        20,
        11,
        {"Resize"},
        inputs=BY_SCALE,
        constants={"scales": f32(2.0)},
        attributes={"axes": [3]},
        name="one axis by scale",
    ),
    Case("Resize", 13, 11, {"Resize"}, inputs=BY_SIZE, constants={"sizes": i64(1, 4, 12, 10)}, name="by size"),
    Case(
        "Resize",
        20,
        13,
        {"Resize"},
        inputs=BY_SCALE,
        constants={"scales": f32(1, 1, 2, 2)},
        attributes=SYMMETRIC,
        name="symmetric",
    ),
    Case("Softmax", 20, 11, {"Softmax"}, name="last axis"),
    Case("Softmax", 20, 11, {"Transpose", "Softmax"}, attributes={"axis": 1}, name="inner axis"),
    Case("LogSoftmax", 20, 12, {"LogSoftmax"}, attributes={"axis": -3}, shape=(2, 5, 1, 1), name="before ones"),
    Case("Pow", 20, 11, {"Pow"}, constants={"two": i64(2)}, name="of an integer"),
    Case("Reshape", 20, 13, {"Reshape"}, constants={"shape": i64(4, -1)}, attributes={"allowzero": 1}),
    Case("Cast", 20, 13, {"Cast"}, attributes={"to": TensorProto.INT32, "saturate": 1}),
    Case(
        "AveragePool",
        20,
        13,
        {"AveragePool"},
        attributes={
            "kernel_shape": [2, 2],
            "dilations": [1, 1],
            "strides": [2, 2],
            "pads": [1, 1, 0, 0],
            "count_include_pad": 1,
        },
    ),
    Case(
        "BatchNormalization",
        20,
        11,
        {"BatchNormalization"},
        constants=SCALE | {"m": f32(1, 1, 1, 1), "v": f32(1, 2, 3, 4)},
    ),
    Case("ArgMax", 20, 11, {"ArgMax"}, attributes={"axis": 1, "select_last_index": 0}),
    Case("Clip", 20, 11, {"Clip"}, constants={"low": np.asarray(-0.5, np.float32), "high": np.asarray(1, np.float32)}),
    Case("InstanceNormalization", 22, 13, {"InstanceNormalization"}, constants=SCALE),
    Case("GridSample", 20, 16, {"GridSample"}, constants=GRID, attributes={"mode": "linear"}),
]


def lowered(built: onnx.ModelProto, wanted: int) -> tuple[Model, tuple[Blocker, ...]]:
    model = model_of(built)
    return model, lower_opset(Editor(model.graph), wanted)


def operators(model: Model) -> set[str]:
    return {node.op_type for node in model.graph.graph}


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.op} {c.opset}-{c.wanted} {c.name}".strip())
def test_an_operator_computes_the_same_in_the_older_opset(case: Case) -> None:
    built = case.model()
    model, blockers = lowered(built, case.wanted)
    assert blockers == ()
    assert model.opset == case.wanted
    assert operators(model) == case.becomes
    onnx.checker.check_model(model.to_proto(), full_check=True)
    x = {"x": np.random.default_rng(7).standard_normal(case.shape).astype(np.float32) * 2}
    expected, got = run(built.SerializeToString(), x), run(model.to_bytes(), x)
    for name, value in expected.items():
        assert value.shape == got[name].shape
        assert value.dtype == got[name].dtype
        assert sqnr_db(value, got[name]) >= EXACT_DB


@pytest.mark.parametrize(("op", "strict"), [("GreaterOrEqual", "Less"), ("LessOrEqual", "Greater")])
def test_or_equal_is_the_opposite_of_the_strict_comparison(op: str, strict: str) -> None:
    built = Case(op=op, opset=20, wanted=11, becomes=set(), constants={"c": f32(-1, 0, 1, 2, 3)}).model()
    model, blockers = lowered(built, 11)
    assert (blockers, operators(model)) == ((), {strict, "Not"})
    x = {"x": np.tile(f32(-1, -1, 1, 5, 2), (1, 4, 6, 1))}
    np.testing.assert_array_equal(run(built.SerializeToString(), x)["y0"], run(model.to_bytes(), x)["y0"])


@pytest.mark.parametrize(
    ("case", "needs", "reason"),
    [
        (
            Case(
                "Resize",
                20,
                13,
                set(),
                inputs=BY_SCALE,
                constants={"scales": f32(1, 1, 0.5, 0.5)},
                attributes={"mode": "linear", "antialias": 1},
            ),
            18,
            "antialias",
        ),
        (
            Case(
                "Resize",
                20,
                13,
                set(),
                inputs=BY_SCALE,
                constants={"scales": f32(1, 1, 1.3, 1.3)},
                attributes=SYMMETRIC,
            ),
            19,
            "half_pixel_symmetric",
        ),
        (
            Case("Pad", 20, 13, set(), constants={"pads": i64(0, 0, 1, 1, 0, 0, 1, 1)}, attributes={"mode": "wrap"}),
            19,
            "wrap",
        ),
        (Case("GridSample", 20, 13, set(), constants=GRID), 16, "later"),
        (Case("Einsum", 20, 11, set(), attributes={"equation": "nchw->nhwc"}), 12, "later"),
        (Case("AveragePool", 20, 13, set(), attributes={"kernel_shape": [2, 2], "dilations": [2, 2]}), 19, "dilations"),
        (Case("ArgMax", 20, 11, set(), attributes={"select_last_index": 1}), 12, "select_last_index"),
    ],
    ids=lambda value: value.op if isinstance(value, Case) else None,
)
def test_what_an_older_opset_cannot_express_is_named_with_the_opset_it_needs(
    case: Case, needs: int, reason: str
) -> None:
    _, blockers = lowered(case.model(), case.wanted)
    assert [(b.operator, b.node, b.needs) for b in blockers] == [(case.op, "node", needs)]
    assert reason in blockers[0].reason
    assert not lowered(case.model(), needs)[1]


def test_integers_stop_an_operator_that_took_only_floats() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["n"], to=TensorProto.INT32),
        helper.make_node("Relu", ["n"], ["r"], name="relu"),
        helper.make_node("Cast", ["r"], ["y"], to=TensorProto.FLOAT),
    ]
    _, blockers = lowered(proto(nodes, {"x": (2, 2)}, ["y"], opset=20), 13)
    assert [str(b) for b in blockers] == ["Relu 'relu' (of int32; needs opset 14)"]


def test_everything_that_stops_is_listed_at_once() -> None:
    constants: dict[str, Any] = GRID | {"pads": i64(0, 0, 1, 1, 0, 0, 1, 1)}
    nodes = [
        helper.make_node("GridSample", ["x", "grid"], ["a"], name="warp"),
        helper.make_node("Pad", ["a", "pads"], ["y"], name="ring", mode="wrap"),
    ]
    _, blockers = lowered(proto(nodes, {"x": (1, 4, 6, 5)}, ["y"], opset=20, constants=constants), 13)
    assert {(b.node, b.needs) for b in blockers} == {("warp", 16), ("ring", 19)}


def test_a_model_of_an_older_opset_is_left_as_it_is() -> None:
    built = proto([helper.make_node("Relu", ["x"], ["y"])], {"x": (1, 3)}, ["y"], opset=12)
    model, blockers = lowered(built, 13)
    assert (blockers, model.opset) == ((), 12)
