"""The parts of an output that are of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.ir.output_kind import OutputKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    type Kinds = Mapping[str, tuple[Region, ...]]
    """The parts of outputs, by the output's name in the source model; others are plain values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of an output, of one kind.

    Attributes:
        kind: of its numbers.
        axis: of the output that the part is cut along; None for the whole output.
        start: first index along that axis.
        stop: index after the last one.
        classes: axis along which probabilities compete (a Softmax's); None where each stands for itself.
        places: axis of values along which the scores of another output tell what counts; None where there are none.
        selected: its rows are in an order of their own, as a TopK or a NonMaxSuppression leaves them.
        logarithms: the numbers are logarithms of probabilities.
        stated: the user says so.
    """

    kind: OutputKind
    axis: int | None = None
    start: int = 0
    stop: int = 0
    classes: int | None = None
    places: int | None = None
    selected: bool = False
    logarithms: bool = False
    stated: bool = False

    @property
    def index(self) -> tuple[slice, ...]:
        """What to put in brackets behind the output's array."""
        if self.axis is None:
            return ()
        return (*(slice(None) for _ in range(self.axis)), slice(self.start, self.stop))

    @property
    def place(self) -> str:
        """Which part of the output it is, such as `[:, 4:84]`; empty for the whole."""
        return "" if self.axis is None else f"[{':, ' * self.axis}{self.start}:{self.stop}]"


WHOLE = Region(kind=OutputKind.VALUES)
"""The whole of an output about which nothing is known."""
