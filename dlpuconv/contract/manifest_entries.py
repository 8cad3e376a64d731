"""A contract as the manifest has it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from dlpuconv.contract.description import layout
from dlpuconv.ir import Layout

if TYPE_CHECKING:
    from dlpuconv.contract.description import Feed, Picture
    from dlpuconv.ir import Port
    from dlpuconv.jsonable import Json


def input_entry(feed: Feed) -> Json:
    """How to feed an input.

    Raw pixels: `code = pixel + pixel_offset`. Else `code = round((source * multiplier + offset) / scale) + zero_point`,
    saturated, then permuted.
    """
    binding = feed.binding
    return {
        **_port(feed.port),
        "raw_pixels": binding.raw_pixels,
        "pixel_offset": feed.pixel_offset,
        "channel_order": list(binding.order),
        "multiplier": list(binding.multiplier),
        "offset": list(binding.offset),
        "channel_axis": binding.channel_axis,
        "picture": _picture(feed.picture) if feed.picture else None,
    }


def output_entry(port: Port) -> Json:
    """How to read an output: `real = (code - zero_point) * scale`, permuted back; a part goes where it says."""
    return {**_port(port), "part": asdict(port.part) if port.part else None}


def _port(port: Port) -> dict[str, Json]:
    order = layout(port)
    return {
        "name": port.name,
        "file_name": port.name_in_file,
        "dtype": port.dtype,
        "shape": list(port.shape),
        "layout": None if order is Layout.PLAIN else order.upper(),
        "source_shape": list(port.source_shape),
        "permutation": list(port.permutation),
        "scale": port.scale,
        "zero_point": port.zero_point,
    }


def _picture(picture: Picture) -> Json:
    return {
        "color": picture.color or None,
        "resize": picture.resize.value if picture.resize else None,
        "letterbox_fill": picture.fill,
        "mean": list(picture.mean) or None,
        "std": list(picture.std) or None,
    }
