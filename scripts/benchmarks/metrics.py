"""The zoo's metrics as functions of how often each sample counts, so that resampling costs no second look at outputs.

A metric is the mean of its samples' scores, a function of counts that add up over samples, or the average precision of
detections. Which of them a task has is told by its name for it; that it is the task's own figure is checked each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from scripts.benchmarks.shared import Array

    type Measure = Callable[[Array], float]
    """From [N], how often each sample counts, to the metric."""

_SAME = 1e-6
_SMALLEST_FACE = 8
"""Pixels on the shorter side: RetinaFace's task leaves smaller ones alone."""


def measure_of(task: Any, outputs: Sequence[Array], y: Any) -> Measure:
    """The metric of a model's outputs.

    Args:
        task: the zoo's module for a model.
        outputs: each [N, ...].
        y: what is right, as `task.score` takes it, N long.

    Raises:
        ValueError: the measure is not what `task.score` makes of the same outputs.
    """
    measure = _KINDS.get(task.METRIC, _mean)(task, outputs, y)
    told, found = float(task.score(outputs, y)), measure(np.ones(len(y)))
    if abs(told - found) > _SAME:
        raise ValueError(f"{task.METRIC} is {told} by the task and {found} here: another metric has this name")
    return measure


def closeness_of(reference: Sequence[Array], outputs: Sequence[Array]) -> Measure:
    """The zoo's signal-to-noise ratio of a model's outputs in dB, likewise: over all outputs, which count the same."""

    def powers(arrays: Sequence[Array]) -> list[Array]:
        return [np.square(array.astype(np.float64)).reshape(len(array), -1).mean(1) for array in arrays]

    signals, noises = powers(reference), powers([a - b for a, b in zip(reference, outputs, strict=True)])

    def measure(weights: Array) -> float:
        shares = [(weights @ n) / max(weights @ s, 1e-30) for s, n in zip(signals, noises, strict=True)]
        return float(-10 * np.log10(max(np.mean(shares), 1e-15)))

    return measure


def _mean(task: Any, outputs: Sequence[Array], y: Any) -> Measure:
    scores = np.array([task.score([o[at : at + 1] for o in outputs], y[at : at + 1]) for at in range(len(y))])
    return lambda weights: float(weights @ scores / weights.sum())


def _overlap(_: Any, outputs: Sequence[Array], y: Any) -> Measure:
    """The mean over both classes of intersection over union, of pixels that are not left out (255)."""
    counts = np.array([list(_pixels(output.argmax(0), truth)) for output, truth in zip(outputs[0], y, strict=True)])

    def measure(weights: Array) -> float:
        sums = np.tensordot(weights, counts, 1)  # [classes, 2]
        return float(np.mean([common / either for common, either in sums if either > 0]))

    return measure


def _pixels(found: Array, truth: Array) -> Iterator[tuple[int, int]]:
    for label in (0, 1):
        mine, right = ((pixels == label) & (truth != 255) for pixels in (found, truth))
        yield int((mine & right).sum()), int((mine | right).sum())


def _box_f1(task: Any, outputs: Sequence[Array], y: Any) -> Measure:
    counts = np.array([_hits(task, output, truth) for output, truth in zip(outputs[0], y, strict=True)], np.float64)

    def measure(weights: Array) -> float:
        hits, boxes = weights @ counts
        return float(2 * hits / max(boxes, 1))

    return measure


def _hits(task: Any, output: Array, truth: Array) -> tuple[int, int]:
    """How many boxes of the truth are found, and how many boxes there are on both sides."""
    boxes = task.boxes(output.reshape(output.shape[-2:]))
    both = len(boxes) and len(truth)
    hits = int((task.C.iou(truth[:, 1:], boxes).max(1) >= 0.5).sum()) if both else 0
    return hits, len(boxes) + len(truth)


def _precision(task: Any, outputs: Sequence[Array], y: Any) -> Measure:
    smallest = _SMALLEST_FACE if "face" in task.METRIC else 0
    return average_precision(task.detections(outputs), y, task.C.iou, smallest)


def average_precision(
    found: Sequence[Array], truth: Sequence[Array], iou: Callable[[Array, Array], Array], smallest: float = 0
) -> Measure:
    """The mean over classes of the area under precision by recall, at an intersection over union of one half.

    Matching is done once: within an image, it does not depend on other images.

    Args:
        found: by image, [n, 6]: class, score, x1, y1, x2, y2.
        truth: by image, [m, 5]: class, x1, y1, x2, y2.
        iou: of all pairs of two lists of boxes, [n, m].
        smallest: boxes of the truth that are thinner are neither asked for nor wrong to find.
    """
    curves = [_Curve(label, found, truth, iou, smallest) for label in sorted({int(c) for t in truth for c in t[:, 0]})]

    def measure(weights: Array) -> float:
        areas = [area for curve in curves if (area := curve.area(weights)) is not None]
        return float(np.mean(areas)) if areas else 0.0

    return measure


class _Curve:
    """One class: its detections by falling score, each right or wrong, and how many there are to find by image."""

    def __init__(self, label: int, found: Sequence[Array], truth: Sequence[Array], iou: Any, smallest: float) -> None:
        records: list[tuple[float, bool, int]] = []
        self._wanted = np.zeros(len(truth))
        for image, (detections, labels) in enumerate(zip(found, truth, strict=True)):
            boxes = labels[labels[:, 0] == label, 1:]
            ignored = np.minimum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) < smallest
            self._wanted[image] = (~ignored).sum()
            mine = detections[detections[:, 0] == label] if len(detections) else np.zeros((0, 6))
            mine = mine[np.argsort(-mine[:, 1], kind="stable")]
            overlaps = iou(mine[:, 2:], boxes) if len(boxes) else np.zeros((len(mine), 0))
            records += [(score, right, image) for score, right in _matched(mine[:, 1], overlaps, ignored)]
        records.sort(key=lambda record: -record[0])
        self._right = np.array([right for _, right, _ in records], bool)
        self._image = np.array([image for *_, image in records], np.intp)

    def area(self, weights: Array) -> float | None:
        """None where there is nothing to find."""
        wanted = weights @ self._wanted
        if not wanted:
            return None
        times = weights[self._image]
        right, hits = self._right[times > 0], times[times > 0]
        precision = np.cumsum(hits * right) / np.cumsum(hits)
        best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
        return float((hits * right) @ best_from_here / wanted)


def _matched(scores: Array, overlaps: Array, ignored: Array) -> Iterator[tuple[float, bool]]:
    """Of an image's detections by falling score: each takes the box it covers best of those that are left."""
    left = overlaps.copy()
    for at, score in enumerate(scores):
        best = int(left[at].argmax()) if left.shape[1] else -1
        if best < 0 or left[at, best] < 0.5:
            yield float(score), False
            continue
        left[:, best] = -1
        if not ignored[best]:
            yield float(score), True


_KINDS: dict[str, Callable[[Any, Sequence[Array], Any], Measure]] = {
    "AP50": _precision, "face AP50": _precision, "mIoU": _overlap, "box F1": _box_f1,
}  # fmt: skip
