"""What the float model and the file see in one picture, drawn side by side: boxes, or masks."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir import Layout, ValueSpec
from dlpuconv.reporting.page import PicturePair
from dlpuconv.verification.kinds.boxes import overlap
from dlpuconv.verification.kinds.detections import Found

if TYPE_CHECKING:
    import numpy.typing as npt
    from PIL import Image

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.reporting.material import Material
    from dlpuconv.verification.kinds.glance import Glance, SeenPart, Sight

    type Floats = npt.NDArray[np.float64]

_LONGEST_SIDE, _SHORTEST_SIDE = 420, 32  # pixels, of a drawing and of an input that is a picture
_MOST_BOXES = 40
_SAME = 0.45
"""Boxes that overlap by so much are one: the strongest is drawn."""
_RELATIVE = 2.0
"""Corners that all lie below are shares of the picture and no pixels."""
_COLOURS = ((255, 140, 0), (0, 160, 255), (0, 200, 110), (220, 60, 180), (250, 220, 40), (130, 110, 255))
_INK = (20, 20, 20)
_PALETTE = 128  # colours of a PNG


def picture_pairs(material: Material) -> tuple[PicturePair, ...]:
    """A pair for each output that can be drawn; none where the network takes no picture, or its head is not known."""
    glance = material.report.parity.glance if material.report.parity else None
    if glance is None:
        return ()
    found = _picture(glance, material.preprocessing)
    return tuple(_pair(view, *found) for view in glance.views) if found else ()


def _picture(glance: Glance, preprocessing: Preprocessing | None) -> tuple[Image.Image, Layout] | None:
    """The first input that is a picture, as it was before it was normalized."""
    for name, array in glance.sample.items():
        spec = ValueSpec.of(name, array.shape, "float32")
        if spec.is_image and array.shape[0] == 1 and min(spec.height_width) >= _SHORTEST_SIDE:
            values = np.asarray(array[0], np.float32)
            pixels = np.moveaxis(values, 0, -1) if spec.layout is Layout.NCHW else values
            return _image(pixels, preprocessing), spec.layout
    return None


def _image(values: npt.NDArray[np.float32], preprocessing: Preprocessing | None) -> Image.Image:
    """Pixels [H, W, C], stretched to what can be seen where nothing tells how they were normalized."""
    from PIL import Image

    shown = preprocessing.denormalize(values) if preprocessing is not None else values
    shown = np.nan_to_num(shown, posinf=0.0, neginf=0.0)
    low, high = float(shown.min()), float(shown.max())
    if low < -1 or high > 256 or high <= _RELATIVE:
        shown = (shown - low) * (255 / max(high - low, 1e-9))
    pixels = np.clip(np.rint(shown), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels[..., :3] if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1))


def _pair(view: SeenPart, picture: Image.Image, layout: Layout) -> PicturePair:
    longest = max(picture.size)
    size = [max(round(side * _LONGEST_SIDE / longest), 1) for side in picture.size]
    shown = picture.resize((size[0], size[1]))
    drawn = [_draw(sight, shown, picture.size, layout) for sight in (view.expected, view.got)]
    counts = [_count(sight) for sight in (view.expected, view.got)]
    return PicturePair(
        name=view.name,
        kind=str(view.kind),
        before=_png(drawn[0]),
        after=_png(drawn[1]),
        before_text=f"float model: {counts[0]}",
        after_text=f"this file: {counts[1]}",
        width=shown.width,
        height=shown.height,
    )


def _count(sight: Sight) -> str:
    if isinstance(sight, Found):
        count = len(_apart(sight).scores)
        return f"{count} {'box' if count == 1 else 'boxes'}"
    return f"{float((sight != 0).mean()):.1%} of the picture"


def _draw(sight: Sight, picture: Image.Image, size: tuple[int, int], layout: Layout) -> Image.Image:
    return _boxes(_apart(sight), picture, size, layout) if isinstance(sight, Found) else _mask(sight, picture)


def _apart(found: Found) -> Found:
    """The strongest of boxes that overlap."""
    boxes, scores, labels = found.boxes, found.scores, found.labels
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable").tolist():
        others = boxes[kept]
        if len(kept) < _MOST_BOXES and not (overlap(np.broadcast_to(boxes[at], others.shape), others) > _SAME).any():
            kept.append(at)
    return Found(boxes[kept], scores[kept], labels[kept])


def _boxes(found: Found, picture: Image.Image, size: tuple[int, int], layout: Layout) -> Image.Image:
    """Corners as x and y; networks whose pictures have the channels last, as TensorFlow's, put y first."""
    from PIL import ImageDraw

    drawn = picture.copy()
    pen = ImageDraw.Draw(drawn)
    boxes = found.boxes[:, [1, 0, 3, 2]] if layout is Layout.NHWC else found.boxes
    unit = (1.0, 1.0) if len(boxes) and np.abs(boxes).max() <= _RELATIVE else (float(size[0]), float(size[1]))
    scale = np.array([picture.width / unit[0], picture.height / unit[1]] * 2)
    far = max(picture.size)
    for box, score in zip(np.clip(boxes * scale, -far, 2 * far).tolist(), found.scores.tolist(), strict=True):
        left, right, top, bottom = *sorted((box[0], box[2])), *sorted((box[1], box[3]))
        pen.rectangle((left, top, right, bottom), outline=_COLOURS[0], width=3)
        label, corner = f"{score:.2f}", (max(left, 0.0) + 4, max(top, 0.0) + 2)
        pen.rectangle(pen.textbbox(corner, label), fill=_COLOURS[0], outline=_COLOURS[0], width=3)
        pen.text(corner, label, fill=_INK)
    return drawn


def _mask(labels: npt.NDArray[np.int64], picture: Image.Image) -> Image.Image:
    from PIL import Image

    flat = labels.reshape([extent for extent in labels.shape if extent > 1] or [1])
    while flat.ndim > 2:
        flat = flat.max(axis=int(np.argmin(flat.shape)))
    flat = flat.reshape(-1, flat.shape[-1])
    colours = np.array([(0, 0, 0), *_COLOURS], np.uint8)[np.where(flat == 0, 0, 1 + (flat - 1) % len(_COLOURS))]
    sized = Image.fromarray(colours).resize(picture.size, Image.Resampling.NEAREST)
    seen = Image.fromarray(((flat != 0) * 140).astype(np.uint8)).resize(picture.size, Image.Resampling.NEAREST)
    return Image.composite(sized, picture, seen)


def _png(image: Image.Image) -> str:
    content = io.BytesIO()
    image.quantize(_PALETTE).save(content, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"
