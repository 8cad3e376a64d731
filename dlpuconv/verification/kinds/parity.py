"""A part of an output beside its source's, by the measure of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.bars import BARS, DETECTIONS

if TYPE_CHECKING:
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.jsonable import Json
    from dlpuconv.verification.kinds.bars import Bar


@dataclass(frozen=True, slots=True, kw_only=True)
class KindParity:
    """The figures over all samples.

    Attributes:
        name: of the source's output.
        kind: what its numbers are.
        place: which part of the output this is; empty for the whole.
        stated: the user says so; else the graph does.
        behind: it is an output behind the tail of a divided network.
        matched: it is one of those that tell of detections, whose agreement this is.
        agreement: how much agrees by the kind's measure, 0 to 1; None where the samples tell nothing of it, such as
            scores that never pass a threshold.
        of_passing: the ratio is of the places alone where a score passes.
        sqnr_db: signal-to-noise ratio of the part; None where nothing differs or the reference is zero throughout.
    """

    name: str
    kind: OutputKind
    place: str = ""
    stated: bool = False
    behind: bool = False
    matched: bool = False
    agreement: float | None = None
    sqnr_db: float | None = None
    of_passing: bool = False

    @property
    def title(self) -> str:
        """The output, and which part of it."""
        return f"{self.name}{self.place}"

    @property
    def measure(self) -> str:
        """What is measured, in words; empty where nothing is."""
        return self._bar.measure if self._bar else ""

    @property
    def least(self) -> float | None:
        """How much must agree; None where nothing is measured."""
        return self._bar.least if self._bar else None

    @property
    def _bar(self) -> Bar | None:
        return DETECTIONS if self.matched else BARS.get(self.kind)

    @property
    def margin(self) -> float | None:
        """How far the agreement is above the least; None where the samples tell nothing: then the ratio decides."""
        return None if self.agreement is None or self.least is None else self.agreement - self.least

    @property
    def measured(self) -> bool:
        """Whether the kind's measure says something."""
        return self.margin is not None

    @property
    def good(self) -> bool:
        """Whether the agreement reaches the least."""
        return self.margin is not None and self.margin >= 0

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "place": self.place or None,
            "stated": self.stated,
            "behind_tail": self.behind,
            "measure": self.measure or None,
            "agreement": None if self.agreement is None else round(self.agreement, 4),
            "least": self.least,
            "of_passing": self.of_passing,
            "sqnr_db": None if self.sqnr_db is None else round(self.sqnr_db, 3),
        }
