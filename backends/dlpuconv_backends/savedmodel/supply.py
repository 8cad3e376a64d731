"""Samples for a library that asks for them itself, one by one, while whoever has them gives them when it likes."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    type Sample = list[Any]
    type Work = Callable[[Callable[[], Iterator[Sample]]], Any]


class Supply:
    """Runs a function of the library's in a thread, which stands still while it waits for the next sample.

    So one sample is in memory at a time, and the library works only while `give` or `finish` waits for it.
    """

    def __init__(self, work: Work) -> None:
        """Start, and wait until the first sample is asked for.

        Args:
            work: gets what iterates over the samples, once.

        Raises:
            Exception: whatever the work raised.
        """
        self._given: queue.SimpleQueue[Sample | None] = queue.SimpleQueue()
        self._reached: queue.SimpleQueue[_Demand | _Result | _SupplyFailure] = queue.SimpleQueue()
        threading.Thread(target=self._run, args=(work,), daemon=True).start()
        self._demand()

    def give(self, sample: Sample) -> None:
        """Hand over one sample, and wait until the next is asked for.

        Raises:
            Exception: whatever the work raised.
        """
        self._given.put(sample)
        self._demand()

    def finish(self) -> Any:
        """Say that there are no more.

        Returns:
            What the work returns.

        Raises:
            Exception: whatever the work raised.
        """
        self._given.put(None)
        reached = self._next()
        if not isinstance(reached, _Result):
            raise RuntimeError("the samples were asked for once more")  # noqa: TRY004 - no matter of types
        return reached.value

    def _demand(self) -> None:
        if not isinstance(self._next(), _Demand):
            raise RuntimeError("not all samples were asked for")  # noqa: TRY004

    def _next(self) -> _Demand | _Result:
        reached = self._reached.get()
        if isinstance(reached, _SupplyFailure):
            raise reached.error
        return reached

    def _run(self, work: Work) -> None:
        try:
            self._reached.put(_Result(work(self._samples)))
        except BaseException as error:  # noqa: BLE001 - whatever it is, the other thread raises it
            self._reached.put(_SupplyFailure(error))

    def _samples(self) -> Iterator[Sample]:
        self._reached.put(_Demand())
        while (sample := self._given.get()) is not None:
            yield sample
            self._reached.put(_Demand())


class _Demand:
    """The next sample is asked for."""


class _Result:
    def __init__(self, value: Any) -> None:
        self.value = value


class _SupplyFailure:
    def __init__(self, error: BaseException) -> None:
        self.error = error
