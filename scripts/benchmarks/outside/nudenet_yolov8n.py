"""YOLOv8n, 320x320, on photos with labelled faces: a task, as the zoo's are. Its two classes of faces count as one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    type Array = np.ndarray[Any, np.dtype[Any]]

METRIC = "face AP50"
C: Any = importlib.import_module("common")  # the zoo's
_SIDE = 320
_FACES = (5, 16)
"""Rows of their scores, behind those of centre and size."""
_SEEN = 0.01
_OVERLAP = 0.45
_SMALLEST = 8


def load_calib(n: int) -> Array:
    """At most [n, 3, 320, 320] float32."""
    faces, photos = C.faces("calib"), C.coco("calib")
    pixels, _ = _inputs([*faces[0], *photos[0]], [*faces[1], *photos[1]])
    return _prepared(pixels[C.interleave(n, len(pixels))])


def load_eval() -> tuple[Array, list[Array]]:
    """[N, 3, 320, 320] float32, and for each [m, 5]: class 0, x1, y1, x2, y2."""
    pixels, boxes = _inputs(*C.faces("eval"))
    return _prepared(pixels), boxes


def detections(outputs: list[Array]) -> list[Array]:
    """For each picture [n, 6]: class 0, score, x1, y1, x2, y2, in pixels of the input."""
    return [C.nms(_decoded(output.T), _OVERLAP) for output in outputs[0]]


def score(outputs: list[Array], y: list[Array]) -> float:
    """Average precision at an intersection over union of one half."""
    return float(C.ap(detections(outputs), y, min_side=_SMALLEST))


def _decoded(rows: Array) -> Array:
    """Of [anchors, 4 + classes]: centre, size, scores."""
    scores = rows[:, _FACES].max(1)
    seen = scores > _SEEN
    centre, half = rows[seen, :2], rows[seen, 2:4] / 2
    return np.column_stack([np.zeros(seen.sum()), scores[seen], centre - half, centre + half])


def _inputs(images: list[Array], boxes: list[Array]) -> tuple[Array, list[Array]]:
    pixels, moved = C.det_inputs(images, boxes, (_SIDE, _SIDE), "letterbox", 0)
    return pixels, moved


def _prepared(pixels: Array) -> Array:
    prepared: Array = C.nchw(pixels, 0, 255)
    return prepared
