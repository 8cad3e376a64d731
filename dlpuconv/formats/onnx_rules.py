"""ONNX's own rules (shape inference, checker, inliner), which trust the model that they are given: asked elsewhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import OutputError
from dlpuconv.formats.onnx_worker import ONNX_MODELS
from dlpuconv.isolation import GIBIBYTE, ExcessError, Limits, TaskError, WorkerError, pool

if TYPE_CHECKING:
    from collections.abc import Mapping

    import onnx

    from dlpuconv.isolation.messages import Message

_LIMITS = Limits(memory=GIBIBYTE, seconds=20)
_NODES_KNOWN = 4096


class ModelRefusedError(ValueError):
    """ONNX refuses the model; `str` is what it says.

    Attributes:
        fits_not: operators do not fit their inputs; else the model is not even that far.
    """

    def __init__(self, message: str, *, fits_not: bool = False) -> None:
        super().__init__(message)
        self.fits_not = fits_not


class LostError(Exception):
    """The library crashed on the model, or no process can be started: what it does, to follow its name."""


def infer_shapes(
    model: onnx.ModelProto, *, strict: bool = False, values: bool = False, types: bool = False
) -> onnx.ModelProto:
    """A model with the types and shapes that follow.

    Args:
        model: not changed; what has large weights is better given without them.
        strict: operators that do not fit their inputs are an error.
        values: small values are computed on the way.
        types: the types of operands are checked.

    Raises:
        RefusedError: the operators do not fit their inputs.
        LostError: the inference crashes on the model.
    """
    import onnx

    answer = _asked("infer_shapes", model, strict=strict, values=values, types=types)
    inferred: onnx.ModelProto = onnx.ModelProto.FromString(answer)
    return inferred


def infer_node(model: onnx.ModelProto) -> Mapping[str, onnx.TypeProto]:
    """Types of the outputs of one node; of those only that ONNX can tell.

    Args:
        model: with this node alone, its inputs typed, and those constants as initializers that matter.

    Raises:
        LostError: the inference crashes on the node.
    """
    import onnx

    graph = onnx.GraphProto.FromString(_inferred_node(model.SerializeToString(deterministic=True)))
    return {value.name: value.type for value in graph.output}


def check_model(model: onnx.ModelProto, *, full: bool = False) -> None:
    """Run ONNX's checker: numbers of inputs, attributes and their types.

    Args:
        model: not changed.
        full: shapes are inferred strictly as well.

    Raises:
        RefusedError: it complains.
        LostError: it crashes on the model.
    """
    _asked("check_model", model, full=full)


def inline_functions(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without local functions; those of another opset are converted to the model's.

    Raises:
        RefusedError: ONNX cannot inline them.
        LostError: it crashes on the model.
    """
    import onnx

    inlined: onnx.ModelProto = onnx.ModelProto.FromString(_asked("inline_functions", model))
    return inlined


@lru_cache(_NODES_KNOWN)
def _inferred_node(model: bytes) -> bytes:
    """Passes ask the same of the same nodes again."""
    return _answer(_ask("infer_node", model))


def _asked(task: str, model: onnx.ModelProto, **facts: Any) -> bytes:
    return _answer(_ask(task, model.SerializeToString(), **facts))


def _ask(task: str, model: bytes, **facts: Any) -> Message:
    content = {"model": np.frombuffer(model, np.uint8)}
    try:
        with pool.borrowed(ONNX_MODELS) as worker:
            return worker.ask(task, _LIMITS.for_size(len(model)), content, **facts)
    except OSError as error:
        raise OutputError(
            f"{ONNX_MODELS.title} cannot be started: {error.strerror or error}", id="worker-not-started"
        ) from error
    except TaskError as error:
        raise ModelRefusedError(str(error)) from error
    except ExcessError as error:
        raise LostError(f"{error}, more than the model of a camera should need") from error
    except WorkerError as error:
        raise LostError(f"fails on it: its process {error}") from error


def _answer(message: Message) -> bytes:
    if "refused" in message.facts:
        raise ModelRefusedError(str(message.facts["refused"]), fits_not=bool(message.facts.get("fits_not")))
    model = message.arrays.get("model")
    return b"" if model is None else model.tobytes()
