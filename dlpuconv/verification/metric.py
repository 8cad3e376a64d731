"""What the user's own metric says of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricScore:
    """A file beside its float source, in the metric's own unit; higher is better.

    Attributes:
        name: `module:function`.
        source: what the float model scores.
        value: what the file scores.
        max_drop: how much lower than the float model's the file's score may be; None where the user set no limit.
    """

    name: str
    source: float
    value: float
    max_drop: float | None = None

    @property
    def reason(self) -> str:
        """Why the file fails, in one clause; empty where it does not."""
        if self.max_drop is None or within(self.source, self.value, self.max_drop):
            return ""
        return (
            f"{self.name} falls from {self.source:.6g} to {self.value:.6g},"
            f" {self.source - self.value:.6g} lower, where --max-drop allows {self.max_drop:g}"
        )

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {"name": self.name, "float": self.source, "file": self.value, "max_drop": self.max_drop}


def within(source: float, value: float, max_drop: float) -> bool:
    """Whether a score is low by no more than is allowed, but for the last bits: .9 - .89 is not quite .01."""
    return source - value <= max_drop + _LAST_BITS * max(abs(source), abs(value))


_LAST_BITS = 1e-9
