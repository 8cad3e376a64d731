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


BARS: dict[OutputKind, Bar] = {
    OutputKind.SCORES: Bar(measure="what passes a threshold, and ranking", least=0.9, why=""),
    OutputKind.CLASSES: Bar(measure="top-1 agreement", least=0.965, why=""),
    OutputKind.BOXES: Bar(measure="IoU of the boxes that pass", least=0.85, why=""),
    OutputKind.MASKS: Bar(measure="IoU of the areas", least=0.9, why=""),
    OutputKind.EMBEDDINGS: Bar(measure="cosine", least=0.95, why=""),
}
