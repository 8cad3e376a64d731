"""YOLOv8n of 18 classes, 320x320, on photos of people: a task, as the zoo's are.

Nobody has labelled these classes: what the float model is sure of is the truth.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    type Array = np.ndarray[Any, np.dtype[Any]]

METRIC = "AP50"
C: Any = importlib.import_module("common")  # the zoo's
_SIDE = 320
_SURE, _SEEN = 0.25, 0.01
_OVERLAP = 0.45
_BEFORE_CLASS = 4


def load_calib(n: int) -> Array:
    """At most [n, 3, 320, 320] float32."""
    faces, photos = C.faces("calib"), C.coco("calib")
    pixels = _pixels([*faces[0], *photos[0]], [*faces[1], *photos[1]])
    return _prepared(pixels[C.interleave(n, len(pixels))])


def load_eval() -> tuple[Array, list[Array]]:
    """[N, 3, 320, 320] float32, and for each [m, 5]: class, x1, y1, x2, y2."""
    x = _prepared(_pixels(*C.faces("eval")))
    exact = detections(C.run_onnx(str(Path(__file__).with_name("model.onnx")), x))
    return x, [found[found[:, 1] >= _SURE][:, [0, 2, 3, 4, 5]] for found in exact]


def detections(outputs: list[Array]) -> list[Array]:
    """For each picture [n, 6]: class, score, x1, y1, x2, y2, in pixels of the input."""
    return [C.nms(_decoded(output.T), _OVERLAP) for output in outputs[0]]


def score(outputs: list[Array], y: list[Array]) -> float:
    """Average precision at an intersection over union of one half."""
    return float(C.ap(detections(outputs), y))


def _decoded(rows: Array) -> Array:
    """Of [anchors, 4 + classes]: centre, size, scores."""
    scores = rows[:, _BEFORE_CLASS:]
    at, label = np.where(scores > _SEEN)
    centre, half = rows[at, :2], rows[at, 2:_BEFORE_CLASS] / 2
    return np.column_stack([label, scores[at, label], centre - half, centre + half])


def _pixels(images: list[Array], boxes: list[Array]) -> Array:
    pixels: Array = C.det_inputs(images, boxes, (_SIDE, _SIDE), "letterbox", 0)[0]
    return pixels


def _prepared(pixels: Array) -> Array:
    prepared: Array = C.nchw(pixels, 0, 255)
    return prepared
