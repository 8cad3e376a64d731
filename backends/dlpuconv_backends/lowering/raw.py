"""model -> RawLowering: the lowering worker as this process sees it."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.plugin import BackendError, UsageError
from dlpuconv.plugin.data import NOTHING, watch
from dlpuconv.plugin.isolation import GIBIBYTE, Attendant, Launch, Limits, file_of, packed, pool, unpacked
from dlpuconv_backends.borrowing import Tool, borrowed
from dlpuconv_backends.lowering.culprits import UnableError
from dlpuconv_backends.lowering.kept import key_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dlpuconv.plugin.data import Keep
    from dlpuconv.plugin.isolation import Message
    from dlpuconv.plugin.onnx import Split

WORKER = Path(__file__).with_name("worker.py")
INTERPRETER_VARIABLE = "DLPUCONV_LOWERING_PYTHON"
TIME_LIMIT_VARIABLE = "DLPUCONV_LOWERING_TIMEOUT"
_TITLE = "the lowering worker"
_LIMITS = Limits(memory=4 * GIBIBYTE, seconds=300, by_the_clock=True)
_COPIES = 10  # of the weights; 7 were measured
_MOST_KEPT = 64 << 20  # bytes of the network
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


def warm_up() -> None:
    """Start the worker that will be needed, so that it imports onnx2tf meanwhile.

    Raises:
        UsageError: DLPUCONV_LOWERING_TIMEOUT is not a number of seconds.
    """
    _limits(0)
    pool.warm_up(_launch())


def raw_lowering(model: Split, keep: Keep = NOTHING) -> RawLowering:
    """Lower a model whose shapes are all static, or find what became of it earlier.

    The worker runs under this interpreter, or under the one that DLPUCONV_LOWERING_PYTHON names. It may take 300 s and
    more for many weights, or as long as DLPUCONV_LOWERING_TIMEOUT says, with what is left of its start.

    Args:
        model: in two parts; its large weights are not copied.
        keep: keeps what is made, of all but networks so large that it would be in memory twice.

    Raises:
        UnableError: some operators cannot be lowered.
        BackendError: the worker failed, crashed, took too much or made a file that is not TFLite.
        OutputError: there is no place for its files.
        MissingDependencyError: its interpreter has no onnx2tf.
        UsageError: DLPUCONV_LOWERING_TIMEOUT is not a number of seconds.
    """
    bare = model.declared().SerializeToString(deterministic=True)
    weights = {f"/{name}": values for name, values in model.weights.items()}
    arrays = {"model": np.frombuffer(bare, np.uint8), **weights}
    size = sum(values.nbytes for values in arrays.values())
    unknown = os.environ.get(INTERPRETER_VARIABLE)  # an interpreter whose libraries are not known here
    if keep is NOTHING or size > _MOST_KEPT or unknown:
        return _read(_asked(arrays, size))
    stored = keep.once(key_of(arrays), lambda: _checked(_asked(arrays, size)))
    try:
        return _read(unpacked(stored))
    except (BackendError, ValueError):
        return _read(_asked(arrays, size))


def _asked(arrays: Mapping[str, npt.NDArray[Any]], size: int) -> Message:
    """What the worker answers."""
    limits = _limits(size)
    with borrowed(_tool()) as worker:
        return worker.ask("lower", limits, arrays)


def _checked(answer: Message) -> bytes:
    """An answer to keep: a refusal is told as one, and nothing is kept that is not usable."""
    _read(answer)
    return packed(answer)


def attendant() -> Attendant:
    """The worker as it tells of itself.

    Raises:
        BackendError: it cannot be started, or does not answer.
        OutputError: there is no place for its files.
        MissingDependencyError: its interpreter has no onnx2tf.
        UsageError: DLPUCONV_LOWERING_TIMEOUT is not a number of seconds.
    """
    with borrowed(_tool()) as worker:
        told = worker.ask("libraries", _limits(0)).facts
    return Attendant(
        title=_TITLE, interpreter=told["interpreter"], variable=INTERPRETER_VARIABLE, libraries=told["libraries"]
    )


def _tool() -> Tool:
    return Tool(
        launch=_launch(),
        failed="onnx2tf cannot lower the model",
        extra="tflite",
        purpose="lowering to TFLite",
        interpreter_hint=f"{INTERPRETER_VARIABLE} names another one",
        timeout_hint=f"{TIME_LIMIT_VARIABLE} sets another limit",
    )


def _launch() -> Launch:
    return Launch(
        title=_TITLE,
        tasks=WORKER,
        interpreter=os.environ.get(INTERPRETER_VARIABLE, ""),
        environment=(("HF_HUB_OFFLINE", "1"), ("OMP_NUM_THREADS", "1"), ("OPENBLAS_NUM_THREADS", "1")),
        sees_project=False,
        has_folder=True,
    )


def _read(answer: Message) -> RawLowering:
    names = answer.facts
    if unable := names.get("unable"):
        raise UnableError(unable, "cannot be written as operators of TFLite", id="operator-not-lowered")
    try:
        made = RawLowering(
            content=answer.arrays["file"].tobytes(),
            constants={name[1:]: _watched(values) for name, values in answer.arrays.items() if name[:1] == "/"},
            inputs=tuple(names["inputs"]),
            outputs=tuple(names["outputs"]),
            values=dict(names["values"]),
            moved=dict(names["moved"]),
            nodes=dict(names["nodes"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise BackendError(
            f"{_TITLE} left no usable result ({type(error).__name__}: {error})", id="backend-lowering-unusable"
        ) from error
    if made.content[4:8] != _MAGIC:
        raise BackendError(f"{_TITLE} left a file that is not TFLite", id="backend-lowering-unusable")
    return made


def _watched(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A constant whose pages rest with those of the weights."""
    memory = file_of(values)
    if memory is not None:
        watch(memory)
    return values


def _limits(size: int) -> Limits:
    limits = _LIMITS.for_size(size, _COPIES)
    text = os.environ.get(TIME_LIMIT_VARIABLE)
    if not text:
        return limits
    with suppress(ValueError):
        if (seconds := float(text)) > 0:
            return replace(limits, seconds=seconds)
    raise UsageError(
        f"{TIME_LIMIT_VARIABLE} is {text!r}; it must be a number of seconds above 0", id="environment-value"
    )
