"""A contract as the manifest has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.contract.description import layout
from dlpuconv.ir import Layout
from dlpuconv.manifest import ImagesRecord, InputRecord, OutputRecord

if TYPE_CHECKING:
    from dlpuconv.calibration import Preprocessing
    from dlpuconv.contract.description import Feed, Picture
    from dlpuconv.ir import Port
    from dlpuconv.jsonable import Json


def images_record(preprocessing: Preprocessing) -> ImagesRecord:
    """What a network expects of images."""
    stated = preprocessing.stated
    return ImagesRecord(
        resize=preprocessing.resize,
        color=preprocessing.color,
        mean=preprocessing.mean if stated else None,
        std=preprocessing.std if stated else None,
    )


def input_record(feed: Feed) -> InputRecord:
    """How to feed an input."""
    return InputRecord(
        port=feed.port,
        layout=_layout(feed.port),
        binding=feed.binding,
        pixel_offset=feed.pixel_offset,
        picture=_picture(feed.picture) if feed.picture else None,
    )


def output_record(port: Port) -> OutputRecord:
    """How to read an output."""
    return OutputRecord(port=port, layout=_layout(port))


def _layout(port: Port) -> str | None:
    order = layout(port)
    return None if order is Layout.PLAIN else order.upper()


def _picture(picture: Picture) -> dict[str, Json]:
    return {
        "color": picture.color or None,
        "resize": picture.resize.value if picture.resize else None,
        "letterbox_fill": picture.fill,
        "mean": list(picture.mean) or None,
        "std": list(picture.std) or None,
    }
