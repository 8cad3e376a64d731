"""The kinds of outputs, and the parts of an output that are of one kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    type Kinds = Mapping[str, tuple[Region, ...]]
    """The parts of outputs, by the output's name in the source model; others are plain values."""


class OutputKind(StrEnum):
    """What the numbers of an output are, for whoever reads them."""

    SCORES = "scores"
    """Probabilities that are compared with a threshold, and ranked."""
    CLASSES = "classes"
    """Probabilities of which the highest counts; or labels."""
    BOXES = "boxes"
    """Rectangles: four numbers each, two corners or a centre and an extent."""
    MASKS = "masks"
    """Probabilities, or labels, for every place of a picture."""
    EMBEDDINGS = "embeddings"
    """Vectors whose direction counts."""
    VALUES = "values"
    """Any numbers: the signal-to-noise ratio is all that can be said of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A part of an output, of one kind.

    Attributes:
        kind: of its numbers.
        axis: of the output that the part is cut along; None for the whole output.
        start: first index along that axis.
        stop: index after the last one.
        classes: axis along which probabilities compete (a Softmax's); None where each stands for itself.
        logarithms: the numbers are logarithms of probabilities.
        stated: the user says so.
    """

    kind: OutputKind
    axis: int | None = None
    start: int = 0
    stop: int = 0
    classes: int | None = None
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
"""Of an output that nothing is known of."""
