"""What a file may take of a worker's memory and time, by its size."""

from __future__ import annotations

from dataclasses import dataclass

GIBIBYTE = 1 << 30
_COPIES = 3  # of the weights: the file as it is parsed, as it is held, and as kernels want it
_SLOWEST = 1 << 20  # bytes a second that a library reads, on a machine that has much else to do


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one question may take.

    Attributes:
        memory: bytes beside the libraries and what the question itself brings.
        seconds: of processor time, on each processor.
    """

    memory: int
    seconds: float

    def for_size(self, size: int) -> Limits:
        """The limits for a file of so many bytes, where these are for one without weights."""
        return Limits(memory=self.memory + _COPIES * size, seconds=self.seconds + size / _SLOWEST)

    @property
    def patience(self) -> float:
        """Seconds that an answer is waited for: a worker that shares its processors takes longer than it computes."""
        return 60 + 4 * self.seconds
