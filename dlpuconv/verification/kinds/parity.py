"""A part of an output beside its source's, by the measure of its kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.verification.kinds.bars import BARS

if TYPE_CHECKING:
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KindParity:
    """The figures over all samples.

    Attributes:
        name: of the source's output.
        kind: what its numbers are.
        place: which part of the output this is; empty for the whole.
        stated: the user says so; else the graph does.
        behind: it is an output behind the tail of a divided network.
        agreement: how much agrees by the kind's measure, 0 to 1; None where the samples tell nothing of it, such as
            scores that never pass a threshold.
        sqnr_db: signal-to-noise ratio of the part; None where nothing differs or the reference is zero throughout.
    """

    name: str
    kind: OutputKind
    place: str = ""
    stated: bool = False
    behind: bool = False
    agreement: float | None = None
    sqnr_db: float | None = None

    @property
    def title(self) -> str:
        """The output, and which part of it."""
        return f"{self.name}{self.place}"

    @property
    def measured(self) -> bool:
        """Whether the kind's measure says something; else the ratio decides."""
        return self.agreement is not None and self.kind in BARS

    @property
    def good(self) -> bool:
        """Whether the measure reaches the kind's bar."""
        return self.agreement is not None and self.kind in BARS and self.agreement >= BARS[self.kind].least

    @property
    def measure(self) -> str:
        """What is measured, in words; empty where nothing is."""
        return BARS[self.kind].measure if self.kind in BARS else ""

    @property
    def margin(self) -> float:
        """How far the measure is above the kind's bar; 0 where it says nothing."""
        return self.agreement - BARS[self.kind].least if self.agreement is not None and self.kind in BARS else 0.0

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        bar = BARS.get(self.kind)
        return {
            "name": self.name,
            "kind": self.kind.value,
            "place": self.place or None,
            "stated": self.stated,
            "behind_tail": self.behind,
            "measure": bar.measure if bar else None,
            "agreement": None if self.agreement is None else round(self.agreement, 4),
            "least": bar.least if bar else None,
            "sqnr_db": None if self.sqnr_db is None else round(self.sqnr_db, 3),
        }
