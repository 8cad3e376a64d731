"""Places along an axis at equal distances: one behind the other, every third one, the first two of every three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Stride:
    """The places i of `start <= i < stop` for which `(i - start) % step < run`.

    Attributes:
        start: the first one.
        stop: behind the last one.
        step: from the first place of a run to the first one of the next.
        run: how many places lie side by side.
    """

    start: int
    stop: int
    step: int = 1
    run: int = 1

    @classmethod
    def of(cls, places: npt.NDArray[np.intp]) -> Self | None:
        """The stride that has just these places, or None where there is none.

        Args:
            places: [K], at least one, rising.
        """
        import numpy as np

        first, stop = int(places[0]), int(places[-1]) + 1
        if stop - first == len(places):
            return cls(first, stop)
        run = int(np.argmax(np.diff(places) != 1)) + 1
        if len(places) % run:
            return None
        found = cls(first, stop, int(places[run]) - first, run)
        return found if np.array_equal(found.places, places) else None

    @property
    def places(self) -> npt.NDArray[np.intp]:
        """The positions that the stride selects: [K], rising."""
        import numpy as np

        if self.step == 1:
            return np.arange(self.start, self.stop)
        begins = np.arange(self.start, self.stop, self.step)
        found = (begins[:, None] + np.arange(min(self.run, self.stop - self.start))).reshape(-1)
        return found[found < self.stop]

    @property
    def count(self) -> int:
        """How many places there are."""
        rounds, rest = divmod(self.stop - self.start, self.step)
        return rounds * self.run + min(rest, self.run)

    def within(self, outer: int, extent: int, inner: int) -> Stride | None:
        """Which places of the middle one of three axes these are, where an axis is all three behind one another.

        Args:
            outer: extent of the first.
            extent: of the middle one.
            inner: of the last.

        Returns:
            None where they are not the same ones throughout the other two.
        """
        import numpy as np

        taken: npt.NDArray[Any] = np.zeros(outer * extent * inner, bool)
        taken[self.places] = True
        apart = taken.reshape(outer, extent, inner)
        return Stride.of(np.flatnonzero(apart[0, :, 0])) if (apart == apart[:1, :, :1]).all() else None

    def index(self, axis: int) -> tuple[Any, ...]:
        """What to put in brackets behind an array of which these are places along `axis`."""
        return (
            *(slice(None) for _ in range(axis)),
            self.places if self.run > 1 else slice(self.start, self.stop, self.step),
        )
