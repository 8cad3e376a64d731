"""Resizes that onnx2tf lowers into something else."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
from onnx import numpy_helper

from dlpuconv.frontends import SourceOptions, load
from dlpuconv.passes import normalize
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.respell import respell
from tests.passes.rewriting import Array, floats, ints


def lowered(settings: str, inputs: str, constant: Array) -> list[str]:
    """Kinds of the operators that one Resize of a [12, 10] map becomes, proven as every lowering is."""
    text = f"(float[1,3,12,10] x) => (float[N,C,H,W] y) {{ y = Resize<{settings}>(x{inputs}) }}"
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 19]> g {text}')
    proto.graph.initializer.append(numpy_helper.from_array(constant, "k"))
    normal, _ = normalize(load(proto, SourceOptions()))
    made = lower(normal, layouts={})
    assert {op.source_name for op in made.graph.operators} == {"Resize_0"}
    return [op.kind for op in made.graph.operators]


PRODUCTS = ["RESHAPE", "BATCH_MATMUL", "RESHAPE", "BATCH_MATMUL"]


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize(
    ("coordinates", "inputs", "constant"),
    [
        ("half_pixel", ",,k", floats(1, 1, 1.7, 0.64)),
        ("asymmetric", ",,k", floats(1, 1, 0.6, 0.64)),
        ("half_pixel_symmetric", ",,,k", ints(1, 3, 17, 7)),
        ("pytorch_half_pixel", ",,,k", ints(1, 3, 1, 7)),
    ],
)
def test_an_interpolation_that_tflite_lacks_is_two_products(
    mode: str, coordinates: str, inputs: str, constant: Array
) -> None:
    settings = f'mode="{mode}", coordinate_transformation_mode="{coordinates}"'
    assert lowered(settings, inputs, constant) == PRODUCTS


@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"])
@pytest.mark.parametrize("rounding", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
@pytest.mark.parametrize("size", [(24, 20), (36, 30), (6, 5), (4, 2), (17, 7)])
def test_any_nearest_pixels_are_picked(coordinates: str, rounding: str, size: tuple[int, int]) -> None:
    settings = f'mode="nearest", coordinate_transformation_mode="{coordinates}", nearest_mode="{rounding}"'
    kinds = lowered(settings, ",,,k", ints(1, 3, *size))
    assert kinds in (["RESIZE_NEAREST_NEIGHBOR"], ["GATHER", "GATHER"])


def test_what_can_be_lowered_is_not_copied() -> None:
    text = (
        "(float[1,3,12,10] x) => (float[1,3,24,20] y)"
        ' { y = Resize<mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor">(x,,k) }'
    )
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 19]> g {text}')
    proto.graph.initializer.append(numpy_helper.from_array(np.asarray([1, 1, 2, 2], np.float32), "k"))
    normal, _ = normalize(load(proto, SourceOptions()))
    assert respell(normal) is normal
