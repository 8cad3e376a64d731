"""What is summed over the samples of all outputs whose kinds are known, in one pass and bounded memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.decibel import Powers
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.boxes import PASSING, Boxes
from dlpuconv.verification.kinds.classes import Classes, Labels
from dlpuconv.verification.kinds.detections import Detections, Found
from dlpuconv.verification.kinds.embeddings import Embeddings
from dlpuconv.verification.kinds.masks import Masks
from dlpuconv.verification.kinds.parity import KindParity
from dlpuconv.verification.kinds.places import COLUMNS, by_place, columns, rows, rows_axis
from dlpuconv.verification.kinds.probabilities import Probabilities
from dlpuconv.verification.kinds.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.verification.kinds.kind import Kinds, Region

    type Floats = npt.NDArray[np.float64]
    type Answer = Mapping[str, npt.NDArray[np.generic]]

_PROBABLE = frozenset({OutputKind.SCORES, OutputKind.CLASSES, OutputKind.MASKS})
_FEWEST_ROWS = 8
_HALF = 0.5


class _Measure(Protocol):
    """What one kind is measured with."""

    def add(self, expected: Floats, value: Floats, /) -> None:
        """One sample."""
        ...

    def result(self) -> float | None:
        """How much agrees, 0 to 1."""
        ...


class KindTally:
    """Sums over the samples.

    Args:
        kinds: the parts of outputs, by the output's name; other outputs are left alone.
        behind: they are outputs behind the tail of a divided network.
    """

    def __init__(self, kinds: Kinds, *, behind: bool = False) -> None:
        self._behind = behind
        self._parts = [KindPart(name, region) for name, regions in kinds.items() for region in regions]
        self._group = {part: part.region.kind for part in self._parts if part.region.selected}
        told = list(self._group.values())
        whole = told.count(OutputKind.BOXES) == told.count(OutputKind.SCORES) == 1
        self._detections = Detections() if whole and told.count(OutputKind.CLASSES) <= 1 else None

    def add(self, expected: Answer, got: Answer) -> None:
        """One sample.

        Args:
            expected: the source model's outputs, whole.
            got: the file's, in real units and the source's layout.
        """
        if self._detections is not None:
            there, here = self._found(expected), self._found(got)
            if there is None or here is None:
                self._detections = None
            else:
                self._detections.add(there, here)
        values = {part: (part.taken(expected), part.taken(got)) for part in self._parts if part not in self._group}
        scores = {part: part.read(ours) for part, (ours, _) in values.items() if part.region.kind is OutputKind.SCORES}
        for part, (ours, theirs) in values.items():
            if part.region.kind in (OutputKind.BOXES, OutputKind.VALUES):
                part.add_rows(ours, theirs, scores)
            else:
                part.add(ours, theirs, labels=np.asarray(expected[part.name]).dtype.kind in "iub")

    def result(self) -> tuple[KindParity, ...]:
        """The figures over all samples."""
        found = [replace(part.result(), behind=self._behind) for part in self._parts]
        if self._detections is None:
            return tuple(found)
        together = self._detections.result()
        return tuple(
            replace(told, agreement=together, matched=True) if part in self._group else told
            for part, told in zip(self._parts, found, strict=True)
        )

    def _found(self, outputs: Answer) -> Found | None:
        """The detections of one side; None where boxes, scores and labels are not of as many rows."""
        taken = {kind: (part.taken(outputs), part.region) for part, kind in self._group.items()}
        axis = rows_axis(*taken[OutputKind.BOXES])
        if axis is None:
            return None
        boxes = rows(taken[OutputKind.BOXES][0], axis)
        found = {kind: columns(*told, len(boxes)) for kind, told in taken.items() if kind is not OutputKind.BOXES}
        scores, labels = found[OutputKind.SCORES], found.get(OutputKind.CLASSES)
        if boxes.shape[1] != COLUMNS or any(values is None for values in found.values()) or scores is None:
            return None
        which = labels if labels is not None else scores.argmax(axis=1, keepdims=True)
        return Found(boxes, scores.max(axis=1), which[:, 0].astype(np.float64))


class KindPart:
    """One region of one output."""

    def __init__(self, name: str, region: Region) -> None:
        self.name, self.region = name, region
        self.boxes = Boxes() if region.kind is OutputKind.BOXES else None
        self._probabilities = Probabilities(region) if region.kind in _PROBABLE else None
        self._measure: _Measure | None = None
        self._powers, self._passing = Powers(), Powers()
        self._passed, self._unlike = 0, False

    def taken(self, outputs: Answer) -> Floats:
        """The part's numbers; what is none counts as zero."""
        return np.nan_to_num(np.asarray(outputs[self.name][self.region.index], np.float64), posinf=0.0, neginf=0.0)

    def read(self, values: Floats) -> Floats:
        """Probabilities, of a part that holds some in one form or another."""
        return values if self._probabilities is None else self._probabilities.of(values)

    def add(self, expected: Floats, value: Floats, *, labels: bool) -> None:
        """One sample."""
        if self._is_unlike(expected, value):
            return
        self._powers.add(expected, value)
        if self._measure is None:
            self._measure = _measure_of(self.region, expected, labels=labels)
        if self._measure is not None:
            self._measure.add(*((expected, value) if labels else (self.read(expected), self.read(value))))

    def add_rows(self, expected: Floats, value: Floats, scores: Mapping[KindPart, Floats]) -> None:
        """One sample of what counts where a score passes: boxes, or values beside scores."""
        if self._is_unlike(expected, value):
            return
        self._powers.add(expected, value)
        axis = rows_axis(expected, self.region)
        if axis is None:
            return
        ours, theirs = rows(expected, axis), rows(value, axis)
        weights = _strongest(self, len(ours), scores)
        if self.boxes is not None and ours.shape[1] == COLUMNS:
            self.boxes.add(ours, theirs, weights)
        elif self.boxes is None and weights is not None:
            passing = weights >= PASSING
            self._passing.add(ours[passing], theirs[passing])
            self._passed += int(passing.sum())

    def _is_unlike(self, expected: Floats, value: Floats) -> bool:
        """Whether the shapes differ, as they may behind a tail: nothing can be said of the whole then."""
        self._unlike = self._unlike or expected.shape != value.shape
        return self._unlike

    def result(self) -> KindParity:
        """The figures."""
        measure = None if self._unlike else self.boxes or self._measure
        told = self._passed >= _FEWEST_ROWS
        return KindParity(
            name=self.name,
            kind=self.region.kind,
            place=self.region.place,
            stated=self.region.stated,
            agreement=None if measure is None else measure.result(),
            sqnr_db=(self._passing if told else self._powers).decibels,
            of_passing=told,
        )


def _measure_of(region: Region, sample: Floats, *, labels: bool) -> _Measure | None:
    """What fits a part; None where the ratio is all there is."""
    kind, axis = region.kind, region.classes
    if axis is not None and axis >= sample.ndim:
        return None
    if kind is OutputKind.MASKS:
        return Masks(axis, labels=labels)
    if kind is OutputKind.CLASSES:
        return Labels() if labels else None if axis is None else Classes(axis)
    if kind is OutputKind.SCORES and not labels:
        return Scores(axis)
    return Embeddings() if kind is OutputKind.EMBEDDINGS else None


def scores_by_place(part: KindPart, places: int, scores: Mapping[KindPart, Floats]) -> Floats | None:
    """[places, scores] of the same output if it holds some, else of another for as many places."""
    for other, array in sorted(scores.items(), key=lambda item: item[0].name != part.name):
        found = by_place(array, other.region, places)
        if found is not None:
            rare = found[:, found.mean(axis=0) <= _HALF]  # a background that is everywhere tells nothing
            return rare if rare.size else found
    return None


def _strongest(part: KindPart, places: int, scores: Mapping[KindPart, Floats]) -> Floats | None:
    """The highest score at each place."""
    found = scores_by_place(part, places, scores)
    return None if found is None else np.asarray(found.max(axis=1))
