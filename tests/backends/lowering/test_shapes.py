"""Shapes are those that values have, whatever onnx2tf records of them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper

from dlpuconv.ir import Model
from dlpuconv_backends.flatbuffer.codec import decode
from dlpuconv_backends.lowering import lower
from dlpuconv_backends.lowering.raw import raw_lowering
from dlpuconv_backends.lowering.shapes import true_shapes
from tests.backends.lowering.models import model
from tests.backends.lowering.test_lower import check

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize(("mode", "padding"), [("bilinear", "zeros"), ("nearest", "border")])
@pytest.mark.parametrize("batch", [1, 2, 4])
def test_a_grid_sample_of_several_images_is_lowered(batch: int, mode: str, padding: str) -> None:
    images, grid = (batch, 3, 8, 12), (batch, 4, 5, 2)
    sample = helper.make_node(
        "GridSample", ["x", "grid"], ["y"], "sample", mode=mode, padding_mode=padding, align_corners=0
    )
    source = model([sample], {"x": images, "grid": grid}, {"y": (batch, 3, 4, 5)})
    check(source, lower(source, layouts={}))


@pytest.mark.parametrize("regions", [1, 3])
def test_roi_align_is_lowered(regions: int) -> None:
    boxes = (np.arange(4) + RANDOM.uniform(0, 3, (regions, 4)) + [0, 0, 3, 3]).astype(np.float32)
    align = helper.make_node(
        "RoiAlign",
        ["x", "boxes", "of"],
        ["y"],
        "align",
        output_height=2,
        output_width=3,
        sampling_ratio=2,
        coordinate_transformation_mode="output_half_pixel",
    )
    constants = {"boxes": boxes, "of": np.zeros(regions, np.int64)}
    source = model([align], {"x": (1, 4, 9, 10)}, {"y": (regions, 4, 2, 3)}, constants)
    check(source, lower(source, layouts={}))


def test_the_file_alone_tells_the_shapes_of_tensors_that_the_model_does_not_name() -> None:
    sample = helper.make_node("GridSample", ["x", "grid"], ["y"], "sample")
    raw = raw_lowering(model([sample], {"x": (2, 3, 6, 8), "grid": (2, 4, 5, 2)}, {"y": (2, 3, 4, 5)}).split())
    graph = decode(raw.content)
    # Padded with zeros by one pixel on each side: 8 x 10 of them.
    flat = [t for t in graph.tensors() if len(t.shape) == 3 and t.shape[-1] == 80 and t.dtype == np.float32]
    assert [t.shape for t in flat] == [(1, 3, 80)]
    assert true_shapes(raw.content, graph)[flat[0].name] == (2, 3, 80)


def test_a_file_that_litert_refuses_tells_nothing() -> None:
    assert true_shapes(b"no file of TFLite", decode(raw_lowering(_sum().split()).content)) == {}


def _sum() -> Model:
    return model([helper.make_node("Add", ["x", "x"], ["y"])], {"x": (1, 2)}, {"y": (1, 2)})
