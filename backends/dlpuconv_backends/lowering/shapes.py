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
        Nothing where LiteRT refuses the file or crashes on it; the proof will tell of what.

    Raises:
        MissingDependencyError: ai-edge-litert is not installed.
    """
    size = sum(prod(t.shape) * t.dtype.itemsize for t in graph.tensors())
    try:
        return LiteRtSession(content, kernels=PLAIN, activations=size, failure=_failure).shapes()
    except _UnknownError:
        return {}


def fit_reshapes(graph: Graph) -> None:
    """Give each RESHAPE with an open extent the shape that its input leaves it, in place, in running order.

    Behind a shape that is computed, LiteRT infers none before it runs, and onnx2tf records 1 for what it left open.
    """
    for op in graph.operators:
        wanted = op.inputs[1].data if op.kind == "RESHAPE" and len(op.inputs) > 1 and op.inputs[1] else None
        if wanted is None or -1 not in wanted:
            continue
        known, elements = prod(int(extent) for extent in wanted if extent != -1), prod(op.input(0).shape)
        if known and elements % known == 0:
            op.output.shape = tuple(elements // known if extent == -1 else int(extent) for extent in wanted)


def _failure(_task: str, error: RefusedError | WorkerError) -> Exception:
    if isinstance(error, MissingLibraryError):
        return MissingDependencyError(LIBRARY, "tflite", "running the lowered model")
    return _UnknownError(str(error))
