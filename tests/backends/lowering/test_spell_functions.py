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
