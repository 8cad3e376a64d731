"""Functions that onnx2tf lowers wrongly, or into what has no 8-bit form."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.respell import respell

ELU = ["MINIMUM", "ELU", "MUL", "RELU", "ADD"]
LRN = ["MUL", "CONV_2D", "LOG", "MUL", "EXP", "MUL"]


def lowered(node: str, shape: str) -> list[str]:
    """Kinds of the operators of one node, but for moves; proven, as every lowering is."""
    text = f"(float[{shape}] x) => (float[{shape}] y) {{ y = {node} }}"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> g {text}')
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(-2), "axis"))
    normal, _ = normalize(load(proto, SourceOptions()))
    made = lower(normal, layouts={})
    assert {op.source_name for op in made.graph.operators if op.kind != "TRANSPOSE"} == {normal.graph.graph[-1].name}
    return [op.kind for op in made.graph.operators if op.kind not in ("TRANSPOSE", "RESHAPE")]


@pytest.mark.parametrize(
    ("node", "kinds"),
    [
        ("Elu(x)", ["ELU"]),
        ("Elu<alpha=0.5>(x)", ELU),
        ("Elu<alpha=1.5>(x)", ELU),
        ("LRN<size=1>(x)", LRN),
        ("LRN<size=3, alpha=0.1, bias=2.0>(x)", LRN),
        ("LRN<size=5, alpha=0.5, beta=0.5>(x)", LRN),
        ("CumSum(x, axis)", ["FULLY_CONNECTED"]),
        ("CumSum<reverse=1>(x, axis)", ["FULLY_CONNECTED"]),
        ("CumSum<exclusive=1>(x, axis)", ["FULLY_CONNECTED"]),
        ("CumSum<exclusive=1, reverse=1>(x, axis)", ["FULLY_CONNECTED"]),
    ],
)
def test_it_computes_what_the_model_computes(node: str, kinds: list[str]) -> None:
    assert lowered(node, "1,6,4,5") == kinds


def test_what_no_matrix_can_have_is_left_to_be_refused() -> None:
    text = "(float[1,2000,2] x) => (float[1,2000,2] y) { y = CumSum(x, axis) }"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 18]> g {text}')
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray(1), "axis"))
    normal, _ = normalize(load(proto, SourceOptions()))
    assert respell(normal) is normal


def test_slopes_of_channels_that_are_last_are_those_of_one_prelu() -> None:
    proto = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> g (float[1,4,5,4] x) => (float[1,4,5,4] y) { y = PRelu(x, s) }'
    )
    proto.graph.initializer.append(numpy_helper.from_array(np.linspace(-1, 2, 4, dtype=np.float32), "s"))
    made = lower(normalize(load(proto, SourceOptions()))[0], layouts={})
    assert [op.kind for op in made.graph.operators if op.kind != "TRANSPOSE"] == ["PRELU"]


@pytest.mark.parametrize(("shape", "slopes"), [("1,4,5", (5,)), ("1,4,5", (4, 1)), ("1,4,5,6", (5, 6)), ("6", (6,))])
def test_slopes_of_no_channels_are_factors_of_one_half(shape: str, slopes: tuple[int, ...]) -> None:
    """Proven against ONNX Runtime, as every lowering is."""
    proto = onnx.parser.parse_model(
        f'<ir_version: 8, opset_import: ["" : 18]> g (float[{shape}] x) => (float[{shape}] y) {{ y = PRelu(x, s) }}'
    )
    values = np.linspace(-1, 2, int(np.prod(slopes)), dtype=np.float32).reshape(slopes)
    proto.graph.initializer.append(numpy_helper.from_array(values, "s"))
    made = lower(normalize(load(proto, SourceOptions()))[0], layouts={})
    kinds = [op.kind for op in made.graph.operators if op.kind != "RESHAPE"]
    assert sorted(kinds) == ["MUL", "NEG", "RELU", "RELU", "SUB"]
