"""The float network with a way to add an error to any of its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer import Graph, Operator, Tensor, encoded
from dlpuconv_backends.tflite.operators import is_data
from dlpuconv_backends.tflite.statistics import interpreter_of
from dlpuconv_backends.tflite.versions import versions_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv_backends.tflite.statistics import Feed

    type Values = npt.NDArray[Any]


class Injection:
    """Runs a float graph, exact or with errors in some activations."""

    def __init__(self, graph: Graph, tensors: Sequence[Tensor]) -> None:
        """Build the network: behind each of `tensors`, an ADD with an input of its own.

        Args:
            graph: float; it is not changed.
            tensors: activations that operators of the graph make.
        """
        self._graph = graph
        probe = Graph(graph.inputs, list(tensors), graph.operators)
        self._probe, self._probe_inputs = _load(probe)
        self._names = [t.name for t in tensors]
        self._probe_outputs = [d["index"] for d in self._probe.get_output_details()]
        disturbed, self._errors = _disturbed(graph, tensors)
        self._network, slots = _load(disturbed)
        self._slots = slots
        details = self._network.get_output_details()
        self._outputs = [d["index"] for t, d in zip(graph.outputs, details, strict=True) if is_data(t)]
        for error in self._errors.values():
            self._network.set_tensor(slots[error.name], np.zeros(error.shape, np.float32))
        self._expected: list[Values] = []

    def values(self, feed: Feed) -> dict[str, Values]:
        """Every activation's exact value by name, inputs included; `outputs_with` then speaks of the same feed."""
        for name, values in feed.items():
            self._probe.set_tensor(self._probe_inputs[name], values)
            self._network.set_tensor(self._slots[name], values)
        self._probe.invoke()
        self._expected = self._run()
        made = [self._probe.get_tensor(i) for i in self._probe_outputs]
        return {**feed, **dict(zip(self._names, made, strict=True))}

    def outputs_with(self, errors: Mapping[str, Values]) -> list[tuple[Values, Values]]:
        """Each output that is data without and with errors, which are added by activation name."""
        for name, values in errors.items():
            self._network.set_tensor(self._slots[self._errors[name].name], values)
        found = self._run()
        for name, values in errors.items():
            self._network.set_tensor(self._slots[self._errors[name].name], np.zeros_like(values))
        return list(zip(self._expected, found, strict=True))

    def _run(self) -> list[Values]:
        self._network.invoke()
        return [self._network.get_tensor(i) for i in self._outputs]


def _load(graph: Graph) -> tuple[Any, dict[str, int]]:
    interpreter = interpreter_of(encoded(graph, versions_of(graph)))
    details = interpreter.get_input_details()
    return interpreter, {t.name: d["index"] for t, d in zip(graph.inputs, details, strict=True)}


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
