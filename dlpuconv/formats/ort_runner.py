"""Runs `.onnx` files and models in memory in ONNX Runtime, in float: the reference of every comparison."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.brief import listed
from dlpuconv.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt
    import onnx

    from dlpuconv.formats.view import TensorView

_THREADS = 2
_ERRORS_ONLY = 3
_CRASHES_ONLY = 4
_TYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
    "tensor(int8)": np.int8,
    "tensor(int16)": np.int16,
    "tensor(uint16)": np.uint16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class OrtRunner:
    """A session of one model; see `formats.runner.Runner`.

    Samples are float32: inputs are cast to the model's own types.
    """

    def __init__(self, model: Path | bytes, name: str = "the model", *, optimize: bool = True) -> None:
        """Load a model.

        Args:
            model: a file, or a serialized ModelProto.
            name: for messages, where there is no file name.
            optimize: False to compute the graph as it is written: slower, and sums are taken in another order.

        Raises:
            ArtifactError: ONNX Runtime refuses it.
        """
        import onnxruntime

        self._name = model.name if isinstance(model, Path) else name
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = _THREADS
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # it costs most where others compute
        options.log_severity_level = _ERRORS_ONLY
        options.enable_cpu_mem_arena = False  # it keeps the largest working set for ever
        if not optimize:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._failures = _failures()
        try:
            self._session: Any = onnxruntime.InferenceSession(
                self._address(model) if isinstance(model, Path) else model,
                options,
                providers=["CPUExecutionProvider"],
                enable_fallback=0,  # to the same provider, with a notice on stdout
            )
        except self._failures as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime cannot load it: {_first_line(error)}") from error
        self._types = {port.name: _TYPES.get(port.type) for port in self._session.get_inputs()}
        self._outputs = [port.name for port in self._session.get_outputs()]
        self._quiet = onnxruntime.RunOptions()
        self._quiet.log_severity_level = _CRASHES_ONLY  # a failure is raised; it need not be logged as well

    def _address(self, path: Path) -> str:
        """What ONNX Runtime, which knows UTF-8 only, opens a file by."""
        try:
            return os.fsencode(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime opens no file whose path is not UTF-8") from error

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference; see `formats.runner.Runner.run`.

        Raises:
            ArtifactError: an input does not fit the model, or a kernel fails.
        """
        try:
            feed = {name: _cast(inputs[name], dtype) for name, dtype in self._types.items()}
            values = self._session.run(self._outputs, feed, self._quiet)
        except KeyError as error:
            raise ArtifactError(f"{self._name} has the input {error.args[0]!r}; given: {listed(inputs)}") from error
        except self._failures as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime cannot run it: {_first_line(error)}") from error
        return dict(zip(self._outputs, values, strict=True))


class OrtTracer(OrtRunner):
    """A session that also gives values from inside the model."""

    def __init__(self, model: onnx.ModelProto, names: Iterable[str], name: str = "the model") -> None:
        """Load a model.

        Args:
            model: with its weights; it is not changed.
            names: of the values that are wanted, all of the main graph.
            name: for messages.

        Raises:
            ArtifactError: ONNX Runtime refuses it.
        """
        super().__init__(with_outputs(model, names), name)
        self._last: dict[str, npt.NDArray[np.generic]] = {}

    @override
    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:
        """One inference: the model's outputs and the values that were asked for."""
        self._last = super().run(inputs)
        return self._last

    def value(self, tensor: TensorView) -> npt.NDArray[np.generic]:
        """What an activation was in the last inference."""
        return self._last[tensor.name]


def with_outputs(model: onnx.ModelProto, names: Iterable[str]) -> bytes:
    """A model that also gives values from inside it, as a serialized ModelProto.

    Args:
        model: with its weights; it is not changed.
        names: of the values that are wanted, all of the main graph.
    """
    import onnx

    traced = onnx.ModelProto()
    traced.CopyFrom(model)
    known = {value.name for value in traced.graph.output}
    traced.graph.output.extend(onnx.ValueInfoProto(name=wanted) for wanted in names if wanted not in known)
    return bytes(traced.SerializeToString())


def _cast(value: npt.NDArray[np.generic], dtype: type[np.generic] | None) -> npt.NDArray[np.generic]:
    return np.asarray(value, dtype, order="C")  # ascontiguousarray would make a number a vector


def _failures() -> tuple[type[Exception], ...]:
    """ONNX Runtime's exceptions share no base of their own; these are all that its native side defines."""
    from onnxruntime.capi import onnxruntime_pybind11_state as native

    own = [c for c in vars(native).values() if isinstance(c, type) and issubclass(c, Exception)]
    return (*own, RuntimeError, ValueError)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
