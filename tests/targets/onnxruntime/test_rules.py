"""ONNX Runtime as data, and its rules on files that break one of them each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
import onnx.parser
import pytest

from dlpuconv.formats.detect import read
from dlpuconv.scheme import Granularity, Numbers
from dlpuconv.verification.engine import check
from dlpuconv.verification.granularity import granularity
from dlpuconv.verification.rule import Severity
from dlpuconv_targets.onnxruntime import ONNXRUNTIME

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.formats.view import FileView
    from dlpuconv.verification.rule import Finding

CONSTANTS = """
    float s = {0.05}, float t = {0.1}, uint8 z = {128}, uint8 z0 = {0},
    int8[2,3,1,1] w = {1,2,3,4,5,6}, float[2] ws = {0.01, 0.02}, int8[2] wz = {0, 0},
    int32[2] b = {7, 8}, float[2] bs = {0.0005, 0.001}, int32[2] bz = {0, 0}
"""
CONVOLUTION = """
    xq = QuantizeLinear(x, s, z)
    xd = DequantizeLinear(xq, s, z)
    wd = DequantizeLinear<axis = 0>(w, ws, wz)
    bd = DequantizeLinear<axis = 0>(b, bs, bz)
    c = Conv(xd, wd, bd)
    cq = QuantizeLinear(c, t, z)
    cd = DequantizeLinear(cq, t, z)
"""
GOOD = CONVOLUTION + "y = Identity(cd)"


def written(folder: Path, body: str, *, opset: int = 13, channels: int = 2) -> Path:
    text = f"""<ir_version: 8, opset_import: ["" : {opset}]>
    g (float[1,3,4,4] x) => (float[1,{channels},4,4] y) <{CONSTANTS}> {{ {body} }}"""
    file = folder / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), file)
    return file


def findings(view: FileView) -> dict[str, Finding]:
    return {f.rule: f for f in check(view, ONNXRUNTIME.rules, ONNXRUNTIME.context)}


def judged(folder: Path, body: str, *, opset: int = 13, channels: int = 2) -> dict[str, Finding]:
    return findings(read(written(folder, body, opset=opset, channels=channels)))


def test_a_convolution_of_codes_breaks_no_rule(tmp_path: Path) -> None:
    view = read(written(tmp_path, GOOD))
    assert not findings(view)
    assert "QLinearConv" in view.executed.op_counts


def test_its_weights_are_told_to_be_per_channel(tmp_path: Path) -> None:
    (layer,) = granularity(read(written(tmp_path, GOOD))).layers
    assert (layer.granularity, layer.scales, layer.dtype) == (Granularity.PER_CHANNEL, 2, "int8")


def test_a_file_that_onnx_runtime_refuses_is_judged_by_nothing_else(tmp_path: Path) -> None:
    found = judged(tmp_path, "y = Conv(x, w)")
    assert list(found) == ["ORT-LOADS"]
    assert "model.onnx" in found["ORT-LOADS"].hits[0].detail


def test_an_older_opset_has_no_scales_per_channel(tmp_path: Path) -> None:
    found = judged(tmp_path, "y = Relu(x)", opset=12, channels=3)
    assert [hit.detail for hit in found["ORT-OPSET"].hits] == ["it is 12"]


def test_a_float_convolution_fails(tmp_path: Path) -> None:
    found = judged(tmp_path, "wd = DequantizeLinear<axis = 0>(w, ws, wz)\n c = Conv(x, wd)\n y = Relu(c)")
    assert found.keys() == {"ORT-FLOAT-LAYERS"}
    assert found["ORT-FLOAT-LAYERS"].severity is Severity.FAIL
    assert "Conv in float" in found["ORT-FLOAT-LAYERS"].hits[0].detail


@pytest.mark.parametrize(
    "behind",
    [
        "r = Relu(cd)\n rq = QuantizeLinear(r, t, z)\n y = DequantizeLinear(rq, t, z)",
        "r = Erf(cd)\n rq = QuantizeLinear(r, s, z)\n rd = DequantizeLinear(rq, s, z)\n y = Tanh(rd)",
    ],
    ids=["in front of an output", "between two float operators"],
)
def test_a_pair_around_nothing_fails(tmp_path: Path, behind: str) -> None:
    found = judged(tmp_path, CONVOLUTION + behind)
    assert found["ORT-PAIRS"].severity is Severity.FAIL
    assert len(found["ORT-PAIRS"].hits) == 1


def test_other_float_operators_are_told_with_their_share(tmp_path: Path) -> None:
    found = judged(tmp_path, CONVOLUTION + "y = Erf(cd)")
    assert found.keys() == {"ORT-FLOAT-OPS"}
    assert found["ORT-FLOAT-OPS"].severity is Severity.WARN
    assert [hit.detail for hit in found["ORT-FLOAT-OPS"].hits] == [
        "1 Erf in float, 50.0% of all values that operators make"
    ]


def test_a_file_of_another_format_fails() -> None:
    from dlpuconv.formats.view import FileView

    view = FileView(format="tflite", tensors=(), layers=(), inputs=(), outputs=())
    assert list(findings(view)) == ["ORT-LOADS"]


def test_the_target_is_data_of_onnx_runtime() -> None:
    assert ONNXRUNTIME.scheme.numbers is Numbers.INT8
    assert ONNXRUNTIME.scheme.weights is Granularity.PER_CHANNEL
    assert ONNXRUNTIME.suffix == ".onnx"
    assert ONNXRUNTIME.backend == "onnx-qdq"
