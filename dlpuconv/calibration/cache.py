"""Statistics by content hash: arrays that are kept, and measured again where nothing is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.files.keep import NOTHING, Keep

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import numpy.typing as npt

    type Statistics = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class StatisticsCache:
    """Arrays by key.

    Attributes:
        keep: where they are kept.
    """

    keep: Keep = NOTHING

    def once(self, key: str, measure: Callable[[], Statistics], fits: Callable[[Statistics], bool]) -> Statistics:
        """What `measure` gives for this key, now or earlier; nobody may write to the arrays.

        Args:
            key: says all that decides the numbers.
            measure: makes arrays of numbers; what it raises is the caller's.
            fits: whether kept ones are of the form that is needed: others are not used.

        Raises:
            ValueError: an array holds something else than numbers.
        """
        from dlpuconv.isolation.messages import Message, packed, unpacked

        stored = self.keep.once(f"statistics {key}", lambda: packed(Message(arrays=measure())))
        try:
            found = unpacked(stored).arrays
        except ValueError:
            return measure()
        return found if fits(found) else measure()
