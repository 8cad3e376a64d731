"""RetinaFace over a quarter MobileNetV1 by biubug6: where are the faces?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scripts.benchmarks.metrics import average_precision
from tests.models import boxes as C  # noqa: N812 - the name by which the benchmarks ask a task for `iou`
from tests.models.photographs import Scene, scenes
from tests.models.prepared import Floats, channels_first

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

INPUT = "input"
METRIC = "face AP50"
_SIDE, _COUNT, _SMALLEST = 320, 60, 8
_LEAST_SCORE, _MOST_OVERLAP = 0.02, 0.4
_SIZES = {8: (10, 20), 16: (32, 64), 32: (128, 256)}
"""By stride, of the boxes that the network corrects."""


def prepare(pixels: npt.NDArray[np.uint8]) -> Floats:
    """[N, 320, 320, 3] uint8, RGB, as the network takes it: [N, 3, 320, 320], BGR."""
    return channels_first(pixels[..., ::-1], (104, 117, 123), (1,))


def load_calib(n: int = 60) -> Floats:
    """[N, 3, 320, 320]."""
    return prepare(_pixels(scenes("calib", n)))


def load_eval() -> tuple[Floats, list[Array]]:
    """[60, 3, 320, 320], and of each [m, 5]: 0, x1, y1, x2, y2."""
    made = scenes("eval", _COUNT)
    return prepare(_pixels(made)), [np.pad(scene.faces, ((0, 0), (1, 0))) for scene in made]


def _pixels(made: Sequence[Scene]) -> npt.NDArray[np.uint8]:
    return np.stack([scene.pixels for scene in made])


def _priors() -> Floats:
    rows = [
        ((x + 0.5) * stride, (y + 0.5) * stride, size, size)
        for stride, sizes in _SIZES.items()
        for y in range(_SIDE // stride)
        for x in range(_SIDE // stride)
        for size in sizes
    ]
    return np.array(rows, np.float32)


P = _priors()
"""[4200, 4]: center and size of the boxes that the network corrects."""


def decoded(shifts: Array, scores: Array) -> Array:
    """The detections in one picture, [n, 6]: 0, score, x1, y1, x2, y2."""
    center = P[:, :2] + shifts[:, :2] * 0.1 * P[:, 2:]
    size = P[:, 2:] * np.exp(np.clip(shifts[:, 2:] * 0.2, -20, 20))
    faces = scores[:, 1:]
    found = np.hstack([np.zeros_like(faces), faces, center - size / 2, center + size / 2])
    return C.suppressed(found[found[:, 1] > _LEAST_SCORE], _MOST_OVERLAP)


def detections(outputs: Sequence[Array]) -> list[Array]:
    """Those in each picture."""
    return [decoded(shifts, scores) for shifts, scores in zip(outputs[0], outputs[1], strict=True)]


def score(outputs: Sequence[Array], y: Sequence[Array]) -> float:
    """Average precision at an overlap of one half."""
    return average_precision(detections(outputs), y, C.iou, _SMALLEST)(np.ones(len(y)))
