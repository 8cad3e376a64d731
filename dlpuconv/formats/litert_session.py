"""LiteRT, which trusts what it is given: so it runs in a worker, which a network may end.

A session has one network. Sessions that live at the same time may share a worker; those that follow one another find
the last one's in the pool. Questions and answers that are large or many are split up and put together such that they
pass through memory that is mapped already, and small enough for the processor's caches.
"""

from __future__ import annotations

import weakref
from itertools import batched, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dlpuconv.files.regular import read_regular
from dlpuconv.ir.weight_file import rest
from dlpuconv.isolation import GIBIBYTE, Launch, Limits, WorkerError, pool
from dlpuconv.isolation.messages import KINDS, share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.isolation import Worker
    from dlpuconv.isolation.messages import Message

    type Values = npt.NDArray[Any]
    type Feed = Mapping[int, Values]
    type Arrays = Mapping[str, Values | Sequence[Values]]
    type Failure = Callable[[str, RefusedError | WorkerError], Exception]

LITERT = Launch(
    title="the worker for LiteRT",
    tasks=Path(__file__).parents[1] / "isolation" / "tasks" / "litert.py",
    sees_project=False,
)
LIBRARY = "ai-edge-litert"
"""What a worker may be found to lack."""

_LIMITS = Limits(memory=2 * GIBIBYTE, seconds=300)
_TOGETHER = 1 << 20  # bytes of several inferences, from which on each is a question of its own
_AT_ONCE = 8 << 20  # bytes of an answer, where tensors are not larger
_MOST_FEEDS = 64
_LARGE = 16 << 20  # bytes of a network


class Kernels(NamedTuple):
    """How LiteRT computes.

    Attributes:
        name: of the kernels, as the worker knows them.
        threads: how many.
    """

    name: str
    threads: int


PLAIN = Kernels("plain", 1)
"""As verification runs files, without a delegate. A second thread waits in a loop: little is gained on an idle machine,
and it is ten times slower on a busy one."""
PLAIN_ON_TWO = Kernels("plain", 2)
FAST = Kernels("fast", 2)
"""With the default delegate."""


class RefusedError(Exception):
    """LiteRT refuses a network or its inputs; `str` is its first line of why.

    Attributes:
        sample: the number of the inference, from 0, among several that were asked for; None of one alone.
    """

    def __init__(self, text: str, sample: int | None = None) -> None:
        super().__init__(text)
        self.sample = sample


class LiteRtWorker:
    """A process for sessions that live at the same time; it goes back to the pool after the last of them."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self.generation = 0
        """Of its process: networks that were loaded into an earlier one are gone."""
        self.numbers = count()
        self.unneeded: list[int] = []
        """Of sessions that have gone, which may happen in the middle of another's question: told with the next load."""

    def ask(self, task: str, limits: Limits, arrays: Arrays, **facts: Any) -> Message:
        """Ask; the answer's arrays are lent until the next question. So are the arrays asked with, but for a network.

        Raises:
            WorkerError: there is no answer, or no process.
        """
        try:
            if self._worker is None or (task == "load" and not self._worker.is_alive):
                self._worker = pool.take(LITERT)
                self.generation += 1
                weakref.finalize(self, pool.free, self._worker, networks=None)
            return self._worker.ask(task, limits, arrays, lent=task != "load", **facts)
        except OSError as error:
            raise WorkerError(f"cannot be had: {error.strerror or error}") from error


class LiteRtSession:
    """One network."""

    def __init__(
        self,
        model: Path | bytes | memoryview,
        *,
        kernels: Kernels,
        activations: int,
        failure: Failure,
        keep: bool = False,
        worker: LiteRtWorker | None = None,
    ) -> None:
        """Load it.

        Args:
            model: a file, or its content.
            kernels: which ones.
            activations: their bytes, by which limits are set.
            failure: what is raised where LiteRT refuses something (`RefusedError`) or crashes on it
                (`WorkerError`), by the task: `load`, `run`, `values` or `shapes`. Not
                bound to an object that has the session.
            keep: every activation keeps its place, so that `value` can tell what it was.
            worker: one that other sessions have too; None for one of its own.

        Raises:
            OSError: the file is not there.
        """
        if isinstance(model, Path) and not _is_utf8(model):
            model = read_regular(model)  # LiteRT opens no such name
        size = model.stat().st_size if isinstance(model, Path) else len(model)
        self._limits = _LIMITS.for_size(size + activations)
        self._failure = failure
        self._worker = worker or LiteRtWorker()
        self._number = next(self._worker.numbers)
        weakref.finalize(self, self._worker.unneeded.append, self._number)
        try:
            content = {} if isinstance(model, Path) else {"model": _shared(model)}
        except WorkerError as error:
            raise failure("load", error) from error
        path = {"path": str(model.absolute())} if isinstance(model, Path) else {}
        unneeded = [self._worker.unneeded.pop() for _ in range(len(self._worker.unneeded))]
        facts = {"kernels": kernels.name, "threads": kernels.threads, "keep": keep, "unneeded": unneeded, **path}
        told = self._ask("load", content, None, **facts).facts
        self._generation = self._worker.generation
        self._groups = _groups(told["outputs"])
        size_of_a_run = sum(size for _, size in (*told["inputs"], *told["outputs"]))
        self._together = min(max(_TOGETHER // max(size_of_a_run, 1), 1), _MOST_FEEDS)

    def run(self, feed: Feed) -> list[Values]:
        """One inference.

        Args:
            feed: by position of the input; one that is not there stays as it was.

        Returns:
            The outputs in the file's order.
        """
        answer = self._ask("run", _by_position([feed]), samples=1, tensors=self._groups[0])
        return [np.array(values) for values in self._outputs(answer, 0)]

    def each(self, feeds: Iterable[Feed]) -> Iterator[Iterator[Values]]:
        """Inferences one after the other; several feeds are read ahead where they are small.

        Args:
            feeds: as `run` has them, all of the same inputs; every output keeps its shape.

        Yields:
            The outputs, each array lent until the next one is asked for.
        """
        start = 0
        for together in batched(feeds, self._together):
            tensors = self._groups[0]
            answer = self._ask("run", _by_position(together), start, samples=len(together), tensors=tensors)
            yield from (self._outputs(answer, number) for number in range(len(together)))
            start += len(together)

    def value(self, tensor: int) -> Values:
        """What a tensor was in the last inference, of a network that keeps them."""
        return np.array(self._ask("values", {}, tensors=[tensor]).arrays[str(tensor)])

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor by name, as LiteRT infers it; of equal names, the first one's."""
        told = self._ask("shapes", {}).facts["shapes"]
        return {name: tuple(shape) for name, shape in reversed(told)}

    def _outputs(self, answer: Message, number: int) -> Iterator[Values]:
        yield from [answer.arrays[str(tensor)][number, ...] for tensor in self._groups[0]]
        for group in self._groups[1:]:
            arrays = self._ask("values", {}, tensors=group).arrays
            yield from [arrays[str(tensor)] for tensor in group]

    def _ask(self, task: str, arrays: Arrays, first: int | None = None, /, **facts: Any) -> Message:
        try:
            return self._answer(task, arrays, first, facts)
        except (RefusedError, WorkerError) as error:
            raise self._failure(task, error) from error

    def _answer(self, task: str, arrays: Arrays, first: int | None, facts: Mapping[str, Any]) -> Message:
        if any(values[0].dtype.kind not in KINDS for values in arrays.values()):
            raise RefusedError("an input is given something else than numbers")
        if task != "load" and self._generation != self._worker.generation:
            raise WorkerError("has ended already")
        answer = self._worker.ask(task, self._limits, arrays, network=self._number, **facts)
        if "refused" in answer.facts:
            lines = str(answer.facts["refused"]).strip().splitlines()
            sample = None if first is None else first + int(answer.facts.get("sample", 0))
            raise RefusedError(lines[0] if lines else "it does not say why", sample)
        return answer


def _shared(model: bytes | memoryview) -> Values:
    """A network's bytes; large ones where the worker maps them, which this process holds only while it copies.

    Raises:
        WorkerError: there is no memory for it.
    """
    values = np.frombuffer(model, np.uint8)
    if values.nbytes < _LARGE:
        return values
    try:
        values = share(values)
    except OSError as error:
        raise WorkerError(f"cannot be handed it: {error.strerror or error}") from error
    rest()
    return values


def _is_utf8(path: Path) -> bool:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _by_position(feeds: Sequence[Feed]) -> dict[str, Sequence[Values]]:
    """[feeds, ...] by position."""
    return {str(position): [np.asarray(feed[position]) for feed in feeds] for position in feeds[0]}


def _groups(outputs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Tensors that are told together, as they are not large."""
    groups: list[list[int]] = [[]]
    size = 0
    for tensor, more in outputs:
        if groups[-1] and size + more > _AT_ONCE:
            groups.append([])
            size = 0
        groups[-1].append(tensor)
        size += more
    return groups
