"""The shapes that values really have: onnx2tf's own records of them are wrong where it left an extent open."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from dlpuconv.plugin import MissingDependencyError
from dlpuconv.plugin.isolation import MissingLibraryError
from dlpuconv.plugin.tflite import LIBRARY, PLAIN, LiteRtSession, RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.plugin.isolation import WorkerError
    from dlpuconv_backends.flatbuffer.graph import Graph

type Shapes = Mapping[str, tuple[int, ...]]


class _UnknownError(Exception):
    """LiteRT does not tell."""


def true_shapes(content: bytes, graph: Graph) -> Shapes:
    """The shape of every tensor by name, as LiteRT infers it from the inputs.

    Where a shape depends on values that are only computed in an inference, it is what the file says.

    Args:
        content: the file as it was lowered; its large constants are not needed.
        graph: the same.

    Returns:
        Nothing where LiteRT refuses the file or does not survive it; the proof will tell of what.

    Raises:
        MissingDependencyError: ai-edge-litert is not installed.
    """
    size = sum(prod(t.shape) * t.dtype.itemsize for t in graph.tensors())
    try:
        return LiteRtSession(content, kernels=PLAIN, activations=size, failure=_failure).shapes()
    except _UnknownError:
        return {}


def _failure(_task: str, error: RefusedError | WorkerError) -> Exception:
    if isinstance(error, MissingLibraryError):
        return MissingDependencyError(LIBRARY, "tflite", "running the lowered model")
    return _UnknownError(str(error))
