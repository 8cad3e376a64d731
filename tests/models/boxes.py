"""Boxes of a detector: how much they overlap, and which of them stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    type Boxes = npt.NDArray[Any]


def iou(a: Boxes, b: Boxes) -> Boxes:
    """Intersection over union of all pairs of two lists of boxes (x1, y1, x2, y2): [n, m]."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.clip(high - low, 0, None).prod(2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1][None] - common, 1e-9))


def suppressed(found: Boxes, most: float) -> Boxes:
    """Detections ([n, 6]: class, score, x1, y1, x2, y2) without those that a better one of their class covers."""
    left = found[np.argsort(-found[:, 1], kind="stable")]
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(best)
        covered = (left[:, 0] == best[0]) & (iou(left[:, 2:], best[None, 2:])[:, 0] > most)
        left = left[~covered]
    return np.array(kept).reshape(-1, 6)
