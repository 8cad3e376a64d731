"""Runs `.onnx` files and models in memory in ONNX Runtime, in float: the reference of every comparison.

ONNX Runtime trusts what it is given, so it runs in a worker, which a model may end, and which takes no more memory and
time than the model may have.
"""

from __future__ import annotations

import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.ort_worker import (
    CANNOT_LOAD,
    MANY,
    OF_ONES_OWN,
    accepted,
    address,
    parts,
    size_of,
    split_file,
    taken,
    told_of,
)
from dlpuconv.formats.ort_worker import EndedError as EndedError
from dlpuconv.formats.ort_worker import RefusedModelError as RefusedModelError
from dlpuconv.formats.ort_worker import TooMuchError as TooMuchError
from dlpuconv.isolation import GIBIBYTE, Limits, pool
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.formats.view import TensorView
    from dlpuconv.ir.weights import Split
    from dlpuconv.isolation.messages import Message

OF_A_STRANGER = Limits(memory=GIBIBYTE, seconds=30)
"""For a file that is run just to see what it answers."""


class OrtRunner:
    """A session of one model; see `formats.runner.Runner`.

    Samples are float32: inputs are cast to the model's own types.
    """

    def __init__(
        self,
        model: Path | bytes | Split,
        name: str = "the model",
        *,
        optimize: bool = True,
        limits: Limits = OF_ONES_OWN,
    ) -> None:
        """Load a model.

        Args:
            model: a file, a serialized ModelProto, or one in two parts, whose weights are not copied.
            name: for messages, where there is no file name.
            optimize: False to compute the graph as it is written: slower, and sums are taken in another order.
            limits: what it may take without its weights, for which it gets more.

        Raises:
            RefusedModelError: ONNX Runtime refuses it.
            EndedError: it crashes on the model.
            TooMuchError: it takes more than it may.
            ArtifactError: no process can be started.
        """
        self._name = model.name if isinstance(model, Path) else name
        if isinstance(model, Path) and model.stat().st_size >= MANY:
            model = split_file(model) or model
        size = size_of(model)
        self._limits = limits.for_size(size)
        self._worker = taken(self._name)
        weakref.finalize(self, pool.free, self._worker)
        facts = {"optimize": optimize, "frugal": size >= MANY}
        with parts(model, mapped=size >= MANY) as (path, arrays):
            where = {"path": address(self._name, path)} if path else {}
            told = self._asked(CANNOT_LOAD, "load", arrays, **facts, **where)
        self._types: dict[str, str | None] = dict(told.facts["inputs"])

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            RefusedModelError: an input does not fit the model, or a kernel fails.
            EndedError: the process crashes on it.
            TooMuchError: it takes more than it may.
        """
        try:
            feed = {name: _cast(inputs[name], dtype) for name, dtype in self._types.items()}
        except KeyError as error:
            raise ArtifactError(
                f"{self._name} takes the input {error.args[0]!r}, which was not given; given: {listed(inputs)}",
                id="artifact-input-missing",
            ) from error
        answer = self._asked("cannot run it", "run", feed, lent=True)
        return {name: np.array(values) for name, values in answer.arrays.items()}

    def _asked(self, failure: str, task: str, arrays: Mapping[str, npt.NDArray[Any]], **facts: Any) -> Message:
        with told_of(self._name, failure):
            answer = self._worker.ask(task, self._limits, arrays, **facts)
        return accepted(self._name, failure, answer)


class OrtTracer(OrtRunner):
    """A session that also gives values from inside the model."""

    def __init__(
        self,
        model: Split,
        names: Iterable[str],
        name: str = "the model",
        *,
        limits: Limits = OF_ONES_OWN,
    ) -> None:
        """Load a model.

        Args:
            model: not changed.
            names: of the values that are wanted, all of the main graph.
            name: for messages.
            limits: as `OrtRunner` has them.

        Raises:
            ArtifactError: ONNX Runtime refuses it.
        """
        super().__init__(with_outputs(model, names), name, limits=limits)
        self._last: dict[str, npt.NDArray[np.generic]] = {}

    @override
    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the model's outputs and the values that were asked for."""
        self._last = super().run(inputs)
        return self._last

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference."""
        return self._last[tensor.name]


def with_outputs(model: Split, names: Iterable[str]) -> Split:
    """A model that also gives values from inside it.

    Args:
        model: it is not changed.
        names: of the values that are wanted, all of the main graph.
    """
    import onnx

    traced = onnx.ModelProto()
    traced.CopyFrom(model.proto)
    known = {value.name for value in traced.graph.output}
    traced.graph.output.extend(onnx.ValueInfoProto(name=wanted) for wanted in names if wanted not in known)
    return replace(model, proto=traced)


def _cast(value: npt.NDArray[np.generic], dtype: str | None) -> npt.NDArray[np.generic]:
    return np.asarray(value, dtype, order="C")  # ascontiguousarray would make a number a vector
