"""How much of each kind must agree: one table, of which docs/verdicts.md is the page."""

from __future__ import annotations

from dataclasses import dataclass

from dlpuconv.ir.output_kind import OutputKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What is asked of a kind.

    Attributes:
        measure: what is measured, in words.
        least: how much must agree, 0 to 1.
        why: where the bar comes from.
    """

    measure: str
    least: float
    why: str


DETECTIONS = Bar(
    measure="detections that are found again",
    least=0.85,
    why="Detections with their labels, by their scores: of an average precision of 0.35 to 0.5, which falls by about as"
    " much, 5 points at the most are lost.",
)
"""Of boxes, scores and labels together, whose rows are in an order of their own."""

BARS: dict[OutputKind, Bar] = {
    OutputKind.SCORES: Bar(
        measure="thresholds and ranking",
        least=0.9,
        why="Detectors have an average precision of 0.35 to 0.5. If 0.9 to 0.93 of it is kept, it falls by 3.5 points:"
        " halfway between 2 points, which count as no loss, and 5 points, which count as a loss. Files of the zoo that"
        " lose at most 2 points keep 0.94 and more; files that lose more than 5 keep 0.83 and less.",
    ),
    OutputKind.CLASSES: Bar(
        measure="top-1 agreement",
        least=0.94,
        why="An accuracy of 0.8 to 0.9 falls by 3.5 points if 0.96 of it is kept; and of 20 held-out samples (of 100),"
        " one may change its class by chance. Files of the zoo that lose at most 2 points keep 0.97 and more.",
    ),
    OutputKind.BOXES: Bar(
        measure="IoU of the boxes that pass",
        least=0.8,
        why="One minus IoU is a distance: a box of the source with an IoU of 0.7 to the truth keeps the 0.5 that"
        " metrics ask for if the file's overlaps with it by 0.8. Files of the zoo within 2 points reach 0.9.",
    ),
    OutputKind.MASKS: Bar(
        measure="IoU of the areas",
        least=0.9,
        why="By the same distance, masks lose at most 0.1 of their IoU with the truth. A text detector of the zoo"
        " reaches 0.92 where it is 5 points below, and 0.83 and less where it is more.",
    ),
    OutputKind.EMBEDDINGS: Bar(
        measure="cosine",
        least=0.95,
        why="Of vectors of length one it is the same as 10 dB, which every other output is asked for.",
    ),
}
