"""The float network with a way to add an error to any of its activations."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor
from dlpuconv_backends.flatbuffer.network import Network
from dlpuconv_backends.tflite.operators import is_data
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.formats.litert_session import LiteRtWorker
    from dlpuconv_backends.tflite.statistics import Feed

    type Values = npt.NDArray[Any]


class Injection:
    """Runs a float graph, exact or with errors in some activations."""

    def __init__(self, graph: Graph, tensors: Sequence[Tensor], worker: LiteRtWorker) -> None:
        """Build the network: behind each of `tensors`, an ADD with an input of its own.

        Args:
            graph: float; it is not changed.
            tensors: activations that operators of the graph make.
            worker: for the two networks that this takes.

        Raises:
            BackendError: LiteRT cannot run the graph.
        """
        probe = Graph(graph.inputs, list(tensors), graph.operators)
        self._probe = Network.fast(probe, versions_of(probe), worker)
        self._names = [t.name for t in tensors]
        disturbed, self._errors = _disturbed(graph, tensors)
        self._network = Network.fast(disturbed, versions_of(disturbed), worker)
        self._data = [is_data(t) for t in graph.outputs]
        self._stale = {error.name: np.zeros(error.shape, np.float32) for error in self._errors.values()}
        self._expected: list[Values] = []

    def values(self, feed: Feed) -> dict[str, Values]:
        """Every activation's exact value by name, inputs included; `outputs_with` then speaks of the same feed."""
        self._expected = self._run(feed)
        return {**feed, **dict(zip(self._names, self._probe.run(feed), strict=True))}

    def outputs_with(self, errors: Mapping[str, Values]) -> list[tuple[Values, Values]]:
        """Each output that is data without and with errors, which are added by activation name."""
        now = {self._errors[name].name: values for name, values in errors.items()}
        found = self._run(now)
        self._stale = {name: np.zeros_like(values) for name, values in now.items()}
        return list(zip(self._expected, found, strict=True))

    def _run(self, changed: Mapping[str, Values]) -> list[Values]:
        """The outputs that are data, with other values of some inputs and no errors but those among them."""
        made = self._network.run({**self._stale, **changed})
        self._stale = {}
        return list(compress(made, self._data))


def _disturbed(graph: Graph, tensors: Sequence[Tensor]) -> tuple[Graph, dict[str, Tensor]]:
    errors = {t: Tensor(f"{t.name}/error", t.shape, t.dtype) for t in tensors}
    exact = {t: Tensor(f"{t.name}/exact", t.shape, t.dtype) for t in tensors}
    operators = []
    for op in graph.operators:
        outputs = [exact.get(t, t) for t in op.outputs]
        operators.append(Operator(op.kind, list(op.inputs), outputs, op.options, op.source_name))
        operators += [
            Operator("ADD", [exact[t], errors[t]], [t], schema.AddOptionsT()) for t in op.outputs if t in errors
        ]
    inputs = [*graph.inputs, *errors.values()]
    return Graph(inputs, graph.outputs, operators), {t.name: error for t, error in errors.items()}
