"""What a file may take of a worker's memory and time, by its size."""

from __future__ import annotations

from dataclasses import dataclass, replace

GIBIBYTE = 1 << 30
_COPIES = 3  # of the weights: the file as it is parsed, as it is held, and as kernels want it
_SLOWEST = 1 << 20  # bytes a second that a library reads, on a machine that has much else to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one question may take.

    Attributes:
        memory: bytes beside the libraries and what the question itself brings.
        seconds: of processor time, on each processor.
        by_the_clock: no more seconds may pass either, whatever else the machine does.
    """

    memory: int
    seconds: float
    by_the_clock: bool = False

    def for_size(self, size: int, copies: int = _COPIES) -> Limits:
        """The limits for a file of so many bytes, where these are for one without weights.

        Args:
            size: of the file.
            copies: of the weights that a library holds at a time.
        """
        return replace(self, memory=self.memory + copies * size, seconds=self.seconds + size / _SLOWEST)

    @property
    def patience(self) -> float:
        """Seconds that an answer is waited for: a worker that shares its processors takes longer than it computes."""
        return self.seconds if self.by_the_clock else 60 + 4 * self.seconds
