"""A graph that LiteRT runs, in a worker: what was lowered from a stranger's model may end the process that runs it."""

from __future__ import annotations

import re
from collections import deque
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from dlpuconv.plugin import BackendError, MissingDependencyError
from dlpuconv.plugin.isolation import MissingLibraryError, TaskError, WorkerError
from dlpuconv.plugin.tflite import FAST, LIBRARY, PLAIN, LiteRtSession, RefusedError
from dlpuconv_backends.flatbuffer.codec import encoded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.plugin.tflite import Kernels, LiteRtWorker
    from dlpuconv_backends.flatbuffer.graph import Graph, Operator

    type Values = npt.NDArray[Any]
    type Feed = Mapping[str, Values]

_PURPOSE = "run the lowered model"
_REFUSED = re.compile(r"Node number (\d+) \(\w+\) failed to (?:prepare|invoke)")
"""As LiteRT ends its words; the number is the operator's in the file."""


class LoadedGraph:
    """A loaded graph, float or integer."""

    def __init__(
        self,
        graph: Graph,
        versions: dict[Operator, int] | None = None,
        *,
        kernels: Kernels = PLAIN,
        worker: LiteRtWorker | None = None,
        purpose: str = _PURPOSE,
    ) -> None:
        """Load it.

        Args:
            graph: it is not changed.
            versions: of its operators; see `encoded`.
            kernels: those of verification, or those of the default delegate.
            worker: for networks that live at the same time; None for one of its own.
            purpose: what LiteRT cannot do, in a message.

        Raises:
            BackendError: LiteRT refuses the graph, or crashes on it.
            MissingDependencyError: ai-edge-litert is not installed.
        """
        self._inputs = [t.name for t in graph.inputs]  # LiteRT keeps the order of the file's inputs and outputs
        self._session = LiteRtSession(
            encoded(graph, versions),
            kernels=kernels,
            activations=sum(prod(t.shape) * t.dtype.itemsize for t in graph.tensors() if not t.is_constant),
            failure=partial(_failure, purpose, [f"{op.kind} ({op.source_name!r})" for op in graph.operators]),
            worker=worker,
        )

    @classmethod
    def fast(
        cls, graph: Graph, versions: dict[Operator, int] | None = None, worker: LiteRtWorker | None = None
    ) -> LoadedGraph:
        """Load a graph with the default delegate, or without one where it cannot take the graph.

        Args:
            graph: as above.
            versions: as above.
            worker: as above.

        Raises:
            BackendError: neither can.
            MissingDependencyError: ai-edge-litert is not installed.
        """
        try:
            return cls(graph, versions, kernels=FAST, worker=worker)
        except BackendError:
            return cls(graph, versions, worker=worker)

    def run(self, feed: Feed) -> list[Values]:
        """One inference.

        Args:
            feed: by input name; an input that is not there stays as it was.

        Returns:
            The outputs in the graph's order.

        Raises:
            BackendError: LiteRT cannot run it, or crashes on it.
        """
        return self._session.run(self._by_position(feed))

    def each[F: Feed](self, feeds: Iterable[F]) -> Iterator[tuple[F, Iterator[Values]]]:
        """Inferences one after the other, on samples; several are read ahead where they are small.

        Args:
            feeds: as `run` has them, all of the same inputs.

        Yields:
            Each feed with its outputs, each array of which is lent until the next is asked for.

        Raises:
            BackendError: LiteRT cannot run a sample, or crashes on it.
        """
        taken: deque[F] = deque()

        def read() -> Iterator[Mapping[int, Values]]:
            for feed in feeds:
                taken.append(feed)
                yield self._by_position(feed)

        for outputs in self._session.each(read()):
            yield taken.popleft(), outputs

    def _by_position(self, feed: Feed) -> dict[int, Values]:
        return {position: feed[name] for position, name in enumerate(self._inputs) if name in feed}


def _failure(purpose: str, operators: list[str], _task: str, error: RefusedError | WorkerError) -> Exception:
    """Whatever LiteRT or its process does wrong is one sentence, in our words; its own are the error's cause."""
    cannot = f"LiteRT cannot {purpose}"
    match error:
        case RefusedError(sample=int(sample)):
            return BackendError(
                f"{cannot} on calibration sample {sample}: {_why(error, operators)}", id="backend-run-failed"
            )
        case MissingLibraryError():
            return MissingDependencyError(LIBRARY, "tflite", "running the lowered model")
        case RefusedError() | TaskError():
            return BackendError(f"{cannot}: {_why(error, operators)}", id="backend-run-failed")
        case _:
            return BackendError(f"{cannot}: the process that runs it {error}", id="backend-run-failed")


def _why(error: Exception, operators: list[str]) -> str:
    refused = _REFUSED.search(str(error))
    known = refused is not None and int(refused[1]) < len(operators)
    return f"it refuses {operators[int(refused[1])]}" if refused is not None and known else "it names no operator"
