"""The lowering worker as the parent sees it: model bytes in, a float TFLite file and names out."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from dlpuconv.errors import BackendError, MissingDependencyError, UsageError
from dlpuconv.ir import weight_file
from dlpuconv.ir.weight_file import Place, adopt, write
from dlpuconv_backends.workers import Launch, WorkerProcess, one_line, writing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

_NONE: Final[Mapping[str, npt.NDArray[Any]]] = MappingProxyType({})
WORKER = Path(__file__).with_name("worker.py")
INTERPRETER_VARIABLE = "DLPUCONV_LOWERING_PYTHON"
TIME_LIMIT_VARIABLE = "DLPUCONV_LOWERING_TIMEOUT"
_TIME_LIMIT_S = 300.0
_FILES = ("source", "weights", "destination", "constants", "names")
_MAGIC = b"TFL3"  # file identifier of the TFLite schema, at offset 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RawLowering:
    """What the worker made, not yet trusted further than its file identifier.

    Attributes:
        content: a float TFLite file, every value in ONNX's own layout, without its large constants.
        constants: these by tensor name.
        inputs: tensor names, in the source model's order.
        outputs: tensor names, in the source model's order.
        values: ONNX value by tensor name.
        moved: ONNX value by the name of a tensor that holds it with its axes in another order.
        nodes: ONNX node by the name of a tensor that the node's operators make.
    """

    content: bytes = field(repr=False)
    constants: Mapping[str, npt.NDArray[Any]] = field(repr=False)
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    values: Mapping[str, str]
    moved: Mapping[str, str]
    nodes: Mapping[str, str]


class LoweringWorker(WorkerProcess):
    """A process that runs onnx2tf."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch)
        self._jobs = 0

    @classmethod
    def start(cls, timeout_s: float | None = None) -> Self:
        """Start a worker under this interpreter, or under the one that DLPUCONV_LOWERING_PYTHON names.

        Args:
            timeout_s: how long one `lower` may take, including what is left of the start; DLPUCONV_LOWERING_TIMEOUT
                if None, and 300 s without that.

        Raises:
            BackendError: the interpreter cannot be started.
            OutputError: there is no place for its folder.
            UsageError: DLPUCONV_LOWERING_TIMEOUT is not a number of seconds.
        """
        return cls(
            Launch(
                title="lowering worker",
                interpreter=os.environ.get(INTERPRETER_VARIABLE) or sys.executable,
                arguments=("-P", "-u", str(WORKER)),
                environment={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
                timeout_s=_time_limit_s() if timeout_s is None else timeout_s,
                other_interpreter=INTERPRETER_VARIABLE,
                other_timeout=TIME_LIMIT_VARIABLE,
            )
        )

    def lower(self, model: bytes, workspace: Path, weights: Mapping[str, npt.NDArray[Any]] = _NONE) -> RawLowering:
        """Lower a model whose shapes are all static.

        Args:
            model: serialized ONNX.
            workspace: a folder of the caller's, where files are exchanged.
            weights: values by name of what the model declares as inputs and are none.

        Raises:
            BackendError: the worker failed, crashed, took too long or left a file that is not TFLite.
            OutputError: the workspace cannot be written.
            MissingDependencyError: its interpreter has no onnx2tf.
        """
        self._jobs += 1
        files = {kind: workspace / f"lowering-{self._jobs}.{kind}" for kind in _FILES}
        try:
            with writing("the model for the lowering worker", workspace):
                files["source"].write_bytes(model)
                with files["weights"].open("wb") as stream:
                    written = write(stream, weights.items())
            weight_file.trim()
            places = {name: (place.offset, place.dtype.str, place.shape) for name, place in written.items()}
            answer = self.exchange({**{kind: str(file) for kind, file in files.items()}, "places": places})
            if missing := answer.get("missing"):
                library = "onnx2tf" if str(missing).startswith("onnx2tf") else str(missing)
                raise MissingDependencyError(library, "tflite", "lowering to TFLite")
            if "error" in answer:
                raise BackendError(f"onnx2tf cannot lower the model: {one_line(str(answer['error']))}")
            return self._read(files["destination"], files["constants"], files["names"])
        finally:
            for file in files.values():
                with suppress(OSError):
                    file.unlink()

    def _read(self, content_file: Path, constants_file: Path, names_file: Path) -> RawLowering:
        try:
            content = content_file.read_bytes()
            names = json.loads(names_file.read_text())
            if content[4:8] != _MAGIC:
                raise self.failure("left a file that is not TFLite")
            places = {
                name: Place(offset, np.dtype(dtype), tuple(shape))
                for name, (offset, dtype, shape) in names["constants"].items()
            }
            return RawLowering(
                content=content,
                constants=adopt(constants_file, places),
                inputs=tuple(names["inputs"]),
                outputs=tuple(names["outputs"]),
                values=dict(names["values"]),
                moved=dict(names["moved"]),
                nodes=dict(names["nodes"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self.failure(f"left no usable result ({type(error).__name__}: {error})") from error


def _time_limit_s() -> float:
    text = os.environ.get(TIME_LIMIT_VARIABLE) or str(_TIME_LIMIT_S)
    with suppress(ValueError):
        if (seconds := float(text)) > 0:
            return seconds
    raise UsageError(f"{TIME_LIMIT_VARIABLE} is {text!r}; it must be a number of seconds above 0")
