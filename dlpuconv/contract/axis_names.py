"""The macros that Axis' example object-detection-yolov5 reads, where the file has what they stand for.

The example writes them with a script of its own, `parameter_finder.py`, from the first input [1, H, W, C] and the first
output [1, detections, 5 + classes], whose codes it reads as uint8
(AxisCommunications/acap-native-sdk-examples, object-detection-yolov5/app).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.contract.c_text import c_float
from dlpuconv.contract.description import affine_of, height_width_channels, is_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.contract.description import Contract

_BOX = 5
"""x, y, width, height, objectness: what a row of the output begins with."""


def axis_names(contract: Contract) -> Iterator[str]:
    """Lines of C; none where nothing fits.

    The picture's size, where one input takes pictures; scale and zero point, where the only output has uint8 codes,
    unless these are logits, which the example would take for probabilities;
    classes and detections, where that output has rows of more than five numbers, and more rows than numbers in one.
    """
    lines = [*_picture(contract), *_output(contract)]
    if lines:
        yield from ("", "/* The names that Axis' example object-detection-yolov5 reads. */", *lines)


def _picture(contract: Contract) -> Iterator[str]:
    pictures = [feed.port for feed in contract.inputs if is_picture(feed.port)]
    if len(pictures) == 1 and (extents := height_width_channels(pictures[0])) is not None:
        yield f"#define MODEL_INPUT_HEIGHT {extents[0]}"
        yield f"#define MODEL_INPUT_WIDTH {extents[1]}"


def _output(contract: Contract) -> Iterator[str]:
    if len(contract.outputs) != 1:
        return
    (port,) = contract.outputs
    if port.dtype != "uint8" or port.activation is not None or (affine := affine_of(port)) is None:
        return
    yield f"#define QUANTIZATION_SCALE {c_float(affine.scale)}"
    yield f"#define QUANTIZATION_ZERO_POINT {affine.zero_point}"
    match port.shape:
        case (1, rows, numbers) if rows > numbers > _BOX:
            yield "/* If each row is YOLOv5's: x, y, width, height (the example takes fractions of the picture),"
            yield "   objectness, and one score for each class. */"
            yield f"#define NUM_CLASSES {numbers - _BOX}"
            yield f"#define NUM_DETECTIONS {rows}"
