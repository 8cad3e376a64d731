"""What is known of a file's ends: from the file, and from a manifest as far as it makes sense."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from dlpuconv.calibration import Resize
from dlpuconv.contract import Picture, contract_of_file
from dlpuconv.contract.description import height_width_channels, layout
from dlpuconv.contract.words import gives, shaped, takes
from dlpuconv.formats import FileView, TensorView
from dlpuconv.ir import Affine, InputBinding, Layout
from dlpuconv.manifest import ImagesRecord, InputRecord, Manifest, OutputRecord, RecipeRecord, SamplesRecord
from dlpuconv.plugin import Port
from dlpuconv.scheme import Granularity
from tests.contract.support import BOXES, IMAGE
from tests.reporting.material import material
from tests.verification.test_verify_file import converted as one_layer
from tests.verification.test_verify_file import manifest

if TYPE_CHECKING:
    from pathlib import Path


def test_a_manifest_that_names_other_ends_is_not_used(tmp_path: Path) -> None:
    content = one_layer()
    other = manifest(content)
    other["outputs"][0]["file_name"] = "elsewhere"
    found = material(tmp_path, content, other, compared=False)
    assert not found.contract.known


def picture_file(shape: tuple[int, ...] = (1, 16, 8, 3)) -> FileView:
    quantization = Affine.of(0.5, 3)
    tensor = TensorView(index=0, name="image", shape=shape, dtype="uint8", quantization=quantization)
    return FileView(format="tflite", tensors=(tensor, replace(tensor, index=1)), layers=(), inputs=(0,), outputs=(1,))


def picture(
    recorded: ImagesRecord | None, *, raw: bool = False, of_images: bool = False, shape: tuple[int, ...] = (1, 16, 8, 3)
) -> Picture | None:
    """What a manifest that says this makes known of the only input."""
    view = picture_file(shape)
    port = Port(name="x", file_name="image", source_shape=shape, shape=shape, permutation=(0, 1, 2, 3), dtype="uint8")
    told = Manifest(
        dlpuconv="1.0",
        target="chip",
        source_sha256="0" * 64,
        samples=SamplesRecord(calibrated=True, of_images=of_images),
        recipe=RecipeRecord(granularity=Granularity.PER_TENSOR, content={}),
        images=recorded,
        inputs=(InputRecord(port=port, binding=InputBinding(name="x", raw_pixels=raw)),),
        outputs=(OutputRecord(port=port),),
    )
    (feed,) = contract_of_file(view, told).inputs
    return feed.picture


PLAIN = ImagesRecord(resize="stretch", color="rgb")


def test_pictures_are_spoken_of_only_where_something_shows_that_they_go_in() -> None:
    assert picture(None) is None
    assert picture(PLAIN) is None
    assert picture(PLAIN, raw=True) == Picture(color="RGB")
    assert picture(PLAIN, raw=True, of_images=True) == Picture(color="RGB", resize=Resize.STRETCH)
    assert picture(replace(PLAIN, color="bgr")) == Picture(color="BGR")
    assert picture(replace(PLAIN, color="bgr"), raw=True) == Picture(color="RGB")
    assert picture(replace(PLAIN, resize="letterbox")) == Picture(color="RGB", resize=Resize.LETTERBOX, fill=114)
    assert picture(PLAIN, raw=True, shape=(1, 16, 8, 7)) is None
    assert picture(PLAIN, raw=True, shape=(1, 16, 8, 1)) == Picture(color="GRAY")
    assert picture(PLAIN, raw=True, shape=(1, 7, 8, 4)) == Picture()


def test_the_application_normalizes_only_where_nothing_did_it_inside() -> None:
    stated = replace(PLAIN, mean=(1.0,), std=(2.0, 3.0, 4.0))
    assert picture(stated) == Picture(color="RGB", mean=(1.0, 1.0, 1.0), std=(2.0, 3.0, 4.0))
    assert picture(stated, raw=True) == Picture(color="RGB")
    as_they_are = picture(PLAIN, of_images=True)
    assert as_they_are == Picture(color="RGB", resize=Resize.STRETCH, mean=(0.0,) * 3, std=(1.0,) * 3)
    assert as_they_are.as_numbers


def test_what_makes_no_sense_in_a_manifest_is_left_out() -> None:
    assert picture(replace(PLAIN, resize="fold", mean=(1.0, 2.0), std=(1.0,))) == Picture(color="RGB")


@pytest.mark.parametrize(
    ("changes", "order", "extents"),
    [
        ({}, Layout.NHWC, (2, 2, 3)),
        ({"shape": (1, 3, 2, 2), "permutation": (0, 1, 2, 3)}, Layout.NCHW, (2, 2, 3)),
        ({"source_shape": (1, 21, 4, 8), "shape": (1, 4, 8, 21)}, Layout.NHWC, (4, 8, 21)),
        ({"source_shape": (1, 16, 8, 3), "shape": (1, 3, 16, 8), "permutation": (0, 3, 1, 2)}, Layout.NCHW, (16, 8, 3)),
        ({"source_shape": (1, 7, 8, 21), "shape": (1, 7, 8, 21), "permutation": (0, 1, 2, 3)}, Layout.PLAIN, None),
        ({"source_shape": (3, 2, 2), "shape": (2, 2, 3), "permutation": (1, 2, 0)}, Layout.PLAIN, None),
        ({"shape": (12,)}, Layout.PLAIN, None),
    ],
)
def test_the_order_of_axes_is_named_where_one_is_known_to_hold_channels(
    changes: dict[str, Any], order: Layout, extents: tuple[int, int, int] | None
) -> None:
    port = replace(IMAGE, **changes)
    assert layout(port) is order
    assert height_width_channels(port) == extents


def test_ends_are_said_in_words() -> None:
    assert shaped(IMAGE) == "[1, 2, 2, 3] NHWC"
    assert shaped(BOXES) == "[1, 5, 4], the source model's axes in the order 0, 2, 1"
    assert gives(BOXES) == "codes: real = (code - 3) * 2.5"
    assert gives(replace(BOXES, quantization=Affine.of(2.5, -128))) == "codes: real = (code + 128) * 2.5"
    assert gives(replace(BOXES, quantization=Affine.of(2.5, 0))) == "codes: real = code * 2.5"
    assert gives(replace(BOXES, quantization=None, dtype="int64")) == "whole numbers as they are"
    assert gives(replace(BOXES, quantization=None, dtype="float32")) == "real values"
    contract = replace(contract_of_file(picture_file(), None), known=True)
    (feed,) = contract.inputs
    whole = replace(feed, port=replace(feed.port, dtype="int64", quantization=None))
    assert takes(whole, contract) == "whole numbers as they are, as the source model takes them"
    plain = replace(feed, picture=Picture(color="BGR", mean=(0.0,) * 3, std=(1.0,) * 3))
    assert takes(plain, contract) == "pixels 0 to 255, BGR as real values, which nothing normalizes"
    contract = replace(contract, known=False)
    assert takes(contract.inputs[0], contract) == "the network's own values: see how it was trained"
