"""A model computes with its stated scales put back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnx
import onnx_ir

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.ir.affine import INT8, UINT8, Affine, IntegerType
from dlpuconv.ir.fake_quantized import fake_quantized
from dlpuconv.ir.given_scales import GivenScales, StatedScale
from tests.frontends.support import run

HALF = StatedScale(affine=Affine.of(0.5, 0), codes=INT8)
TEXT = '<ir_version: 10, opset_import: ["" : 18]> g (float[4] x) => (float[4] a, float[4] y) { a = Neg(x) y = Abs(a) }'


def computed(*x: float, **activations: StatedScale) -> list[list[float]]:
    model = replace(load(onnx.parser.parse_model(TEXT), SourceOptions()), scales=GivenScales(activations=activations))
    made = bytes(onnx_ir.to_proto(fake_quantized(model)).SerializeToString())
    return [values.tolist() for values in run(made, x=np.array(x, np.float32))]


def test_nothing_is_rounded_that_states_nothing() -> None:
    assert computed(1.3, -2, 0, 4) == [
        np.array([-1.3, 2, 0, -4], np.float32).tolist(),
        np.array([1.3, 2, 0, 4], np.float32).tolist(),
    ]


def test_every_reader_of_an_input_reads_it_rounded() -> None:
    assert computed(1.3, -2, 0.25, 100, x=HALF)[0] == [-1.5, 2, 0, -63.5]  # a tie goes to the even code


def test_an_output_that_is_read_inside_keeps_its_name_and_is_rounded_for_all() -> None:
    assert computed(1.3, -2, 0, 100, a=HALF) == [[-1.5, 2, 0, -64], [1.5, 2, 0, 64]]


def test_codes_saturate_at_the_ends_of_their_type() -> None:
    unsigned = StatedScale(affine=Affine.of(0.5, 10), codes=UINT8)
    assert computed(-200, 200, 0, 1, a=unsigned)[0] == [122.5, -5, 0, -1]
    narrow = StatedScale(affine=Affine.of(1, 0), codes=IntegerType(4, signed=True))
    assert computed(-200, 200, 3, 0, a=narrow)[0] == [7, -8, -3, 0]


def test_the_model_is_not_changed() -> None:
    model = load(onnx.parser.parse_model(TEXT), SourceOptions())
    model = replace(model, scales=GivenScales(activations={"a": HALF}))
    before = model.to_bytes()
    fake_quantized(model)
    assert model.to_bytes() == before
