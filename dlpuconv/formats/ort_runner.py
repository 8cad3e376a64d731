"""Runs `.onnx` files and models in memory in ONNX Runtime, in float: the reference of every comparison."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.ir import weight_file
from dlpuconv.ir.weights import Split, split_proto

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

    from dlpuconv.formats.view import TensorView

_THREADS = 2
MANY = 64 << 20
"""Bytes of weights from which a session gives up speed, and sums in the usual order, for half of its memory."""

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

    def __init__(self, model: Path | bytes | Split, name: str = "the model", *, optimize: bool = True) -> None:
        """Load a model.

        Args:
            model: a file, a serialized ModelProto, or a model in two parts, whose weights are read where they are.
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
            self._session: Any = self._opened(model, options)
        except self._failures as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime cannot load it: {_first_line(error)}") from error
        weight_file.trim()  # ONNX Runtime reads weights again only where it made no packed copy
        self._types = {port.name: _TYPES.get(port.type) for port in self._session.get_inputs()}
        self._outputs = [port.name for port in self._session.get_outputs()]
        self._quiet = onnxruntime.RunOptions()
        self._quiet.log_severity_level = _CRASHES_ONLY  # a failure is raised; it need not be logged as well

    def _opened(self, model: Path | bytes | Split, options: Any) -> Any:
        if isinstance(model, Path) and model.stat().st_size >= MANY:
            model = _taken_apart(model)
        if isinstance(model, Path):
            return _session(self._address(model), options)
        if isinstance(model, bytes):
            return _session(model, options)
        if sum(values.nbytes for values in model.weights.values()) >= MANY:
            return _mapped_session(model, options)
        from onnxruntime import OrtValue

        self._weights = model.weights  # the session reads them, and does not keep them
        values = [OrtValue.ortvalue_from_numpy(array) for array in model.weights.values()]
        options.add_external_initializers(list(model.weights), values)
        return _session(model.proto.SerializeToString(), options)

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
            raise ArtifactError(f"{self._name} has the input {error.args[0]!r}; given: {', '.join(inputs)}") from error
        except self._failures as error:
            raise ArtifactError(f"{self._name}: ONNX Runtime cannot run it: {_first_line(error)}") from error
        return dict(zip(self._outputs, values, strict=True))


def _session(model: str | bytes, options: Any) -> Any:
    import onnxruntime

    # a fallback would be to the same provider, with a notice on stdout
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], enable_fallback=0)


def _mapped_session(model: Split, options: Any) -> Any:
    """A session that computes with its weights as a file holds them.

    ONNX Runtime maps weights that are in a file of their own; those that it is given in any other way it copies, and
    once more into the order that its kernels like best.
    """
    import onnxruntime

    extended = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED  # what comes above turns weights around
    options.graph_optimization_level = min(options.graph_optimization_level, extended, key=int)
    options.add_session_config_entry("session.disable_prepacking", "1")
    with tempfile.TemporaryDirectory(prefix="dlpuconv-") as folder:
        path = Path(folder, "model.onnx")
        path.write_bytes(model.with_file(Path(folder, "weights")).SerializeToString())
        return _session(str(path), options)


def _taken_apart(path: Path) -> Split:
    import onnx

    split = split_proto(onnx.load(path))
    weight_file.trim()
    return split


class OrtTracer(OrtRunner):
    """A session that also gives values from inside the model."""

    def __init__(self, model: Split, names: Iterable[str], name: str = "the model") -> None:
        """Load a model.

        Args:
            model: it is not changed.
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
