"""A kind and its figures as texts, for the terminal and for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from dlpuconv.verification.kinds.parity import KindParity

NO_FIGURE = "-"


@dataclass(frozen=True, slots=True)
class KindRow:
    """A part of an output.

    Attributes:
        name: of the output, and which part of it.
        kind: what it is, and who says so.
        measure: what agrees.
        agreement: how much.
        least: how much must; empty where the ratio decides.
    """

    name: str
    kind: str
    measure: str
    agreement: str
    least: str

    @property
    def figure(self) -> str:
        """`top-1 agreement 97.5%`, or `8.3 dB` where the ratio decides."""
        if self.agreement == NO_FIGURE:
            return "not measured"
        return f"{self.measure} {self.agreement}" if self.least else self.agreement

    @classmethod
    def of(cls, part: KindParity) -> Self:
        """The parity of a part as texts."""
        kind = f"{part.kind}, {'as you say' if part.stated else 'by its graph'}"
        name = part.title + (", behind the tail" if part.behind else "")
        if part.agreement is None or part.least is None:
            ratio = NO_FIGURE if part.sqnr_db is None else f"{part.sqnr_db:.1f} dB"
            return cls(name, kind, "numbers where a score passes" if part.of_passing else "numbers", ratio, "")
        return cls(name, kind, part.measure, f"{part.agreement:.1%}", f"{part.least:.1%}")
