"""Several runners of one file as one, which threads may share: each inference takes a runner that is free."""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.formats.runner import Runner


class Crew:
    """A `formats.Runner` of several, each of which has a process of its own."""

    def __init__(self, runners: Iterable[Runner]) -> None:
        self._free: SimpleQueue[Runner] = SimpleQueue()
        for runner in runners:
            self._free.put(runner)

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; waits until a runner is free."""
        runner = self._free.get()
        try:
            return runner.run(inputs)
        finally:
            self._free.put(runner)
