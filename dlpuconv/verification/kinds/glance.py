"""One sample to look at: what the source detects or segments in it, and what the file does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.boxes import PASSING, corners_of, has_corners
from dlpuconv.verification.kinds.detections import Found
from dlpuconv.verification.kinds.masks import Masks
from dlpuconv.verification.kinds.places import COLUMNS, rows, rows_axis
from dlpuconv.verification.kinds.tally import KindPart, scores_by_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.verification.kinds.kind import Kinds

    type Floats = npt.NDArray[np.float64]
    type Values = Mapping[str, npt.NDArray[np.generic]]
    type Labels = npt.NDArray[np.int64]
    type Sight = Found | Labels

_MOST_LOOKED_AT = 16  # samples: a look costs as much as a measure
_FEWEST_COLUMNS = 3
_MANY = 0.1
"""Share of places that pass from which on scores of classes cannot tell where anything is: detectors that say so in a
column of its own, which comes first (YOLOv5, YOLOX), have passing classes at a fifth of all places and more, others at
one in a hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPart:
    """A part of the outputs that can be drawn.

    Attributes:
        name: of the output.
        kind: boxes or masks.
        expected: what the source says: boxes as two corners with scores that pass, or the label of every place.
        got: what the file says.
    """

    name: str
    kind: OutputKind
    expected: Sight
    got: Sight

    @property
    def shows(self) -> bool:
        """Whether the source sees anything."""
        if isinstance(self.expected, Found):
            return len(self.expected.scores) > 0
        return bool((self.expected != 0).any())


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """One sample.

    Attributes:
        sample: what the source takes, by name.
        views: what can be drawn of the outputs.
    """

    sample: Values
    views: tuple[SeenPart, ...]


class Lookout:
    """Keeps the first sample in which the source sees anything, and the very first until then.

    Args:
        kinds: the parts of outputs, by the output's name.
    """

    def __init__(self, kinds: Kinds) -> None:
        parts = [KindPart(name, region) for name, regions in kinds.items() for region in regions]
        self._scores = [part for part in parts if part.region.kind is OutputKind.SCORES]
        self._boxes = [part for part in parts if part.region.kind is OutputKind.BOXES and self._scores]
        self._masks = [part for part in parts if part.region.kind is OutputKind.MASKS]
        self._left = _MOST_LOOKED_AT if self._boxes or self._masks else 0
        self.glance: Glance | None = None

    def add(self, sample: Values, expected: Values, got: Values) -> None:
        """One sample: what the source takes, and the outputs of both sides."""
        if not self._left:
            return
        self._left -= 1
        views = tuple(view for view in (*self._detections(expected, got), *self._areas(expected, got)) if view)
        shows = any(view.shows for view in views)
        if views and (shows or self.glance is None):
            self.glance = Glance(sample=dict(sample), views=views)
        if shows:
            self._left = 0

    def _detections(self, expected: Values, got: Values) -> list[SeenPart | None]:
        return [self._detected(part, expected, got) for part in self._boxes]

    def _detected(self, part: KindPart, expected: Values, got: Values) -> SeenPart | None:
        ours, theirs = self._scored_boxes(part, expected), self._scored_boxes(part, got)
        if ours is None or theirs is None:
            return None
        corners, gated = has_corners(ours.boxes), ours.gated and theirs.scores.shape[1] >= _FEWEST_COLUMNS
        sights = [scored.passing(corners=corners, gated=gated) for scored in (ours, theirs)]
        return SeenPart(name=part.name, kind=OutputKind.BOXES, expected=sights[0], got=sights[1])

    def _scored_boxes(self, part: KindPart, outputs: Values) -> _ScoredBoxes | None:
        taken = part.taken(outputs)
        axis = rows_axis(taken, part.region)
        if axis is None or axis >= taken.ndim or taken.shape[axis] != COLUMNS:
            return None
        boxes = rows(taken, axis)
        scores = scores_by_place(part, len(boxes), {other: other.read(other.taken(outputs)) for other in self._scores})
        return None if scores is None or not len(boxes) else _ScoredBoxes(boxes, scores)

    def _areas(self, expected: Values, got: Values) -> list[SeenPart | None]:
        return [self._area(part, expected, got) for part in self._masks]

    def _area(self, part: KindPart, expected: Values, got: Values) -> SeenPart | None:
        ours, theirs = part.taken(expected), part.taken(got)
        axis = part.region.classes
        if ours.shape != theirs.shape or (axis is not None and axis >= ours.ndim):
            return None
        labelled = np.asarray(expected[part.name]).dtype.kind in "iub"
        masks = Masks(axis, labels=labelled)
        sights = [masks.areas(array if labelled else part.read(array)) for array in (ours, theirs)]
        return SeenPart(name=part.name, kind=OutputKind.MASKS, expected=sights[0], got=sights[1])


@dataclass(frozen=True, slots=True)
class _ScoredBoxes:
    """Boxes [N, 4] with scores [N, C]."""

    boxes: Floats
    scores: Floats

    @property
    def gated(self) -> bool:
        """Whether the first score tells if anything is there, and the others what it would be."""
        passing = (self.scores.max(axis=1) >= PASSING).mean()
        return self.scores.shape[1] >= _FEWEST_COLUMNS and bool(passing > _MANY)

    def passing(self, *, corners: bool, gated: bool) -> Found:
        """The boxes that pass, each as two corners."""
        strongest = self.scores[:, 0] * self.scores[:, 1:].max(axis=1) if gated else self.scores.max(axis=1)
        boxes = self.boxes if corners else corners_of(self.boxes)
        return Found(boxes, strongest, np.zeros(len(boxes))).above(PASSING)
