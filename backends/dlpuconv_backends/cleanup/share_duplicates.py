"""Equal constants -> one; equal operators on equal inputs -> one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from dlpuconv_backends.flatbuffer.graph import Graph, Operator, Tensor

_SMALL = 64  # elements: weights of layers stay apart, since each will get its own quantization


def share_constants(graph: Graph) -> int:
    """Let equal small constants be one tensor; how many went."""
    known: dict[Hashable, Tensor] = {}
    merged = 0
    for op in graph.operators:
        for index, tensor in enumerate(op.inputs):
            if tensor is None or tensor.data is None or tensor.data.size > _SMALL or tensor.data.dtype.kind == "f":
                continue
            first = known.setdefault((str(tensor.dtype), tensor.shape, tensor.data.tobytes()), tensor)
            merged += first is not tensor
            op.inputs[index] = first
    return merged


def share_operators(graph: Graph) -> int:
    """Let operators that compute the same be one; how many went."""
    known: dict[Hashable, Operator] = {}
    gone: list[Operator] = []
    outputs = set(graph.outputs)
    for op in graph.operators:
        first = known.setdefault(_key(op), op)
        if first is op or any(t in outputs for t in op.outputs):
            continue
        for kept, dropped in zip(first.outputs, op.outputs, strict=True):
            kept.source_names = tuple(dict.fromkeys((*kept.source_names, *dropped.source_names)))
            graph.replace_uses(dropped, kept)
        gone.append(op)
    graph.remove(gone)
    return len(gone)


def _key(op: Operator) -> Hashable:
    return (op.kind, tuple(_operand(t) for t in op.inputs), _options(op.options))


def _operand(tensor: Tensor | None) -> Hashable:
    if tensor is None or tensor.data is None or tensor.data.size > _SMALL:
        return id(tensor)
    return (str(tensor.dtype), tensor.shape, tensor.data.tobytes())


def _options(options: Any) -> Hashable:
    if options is None:
        return None
    return tuple((k, tuple(v) if isinstance(v, np.ndarray | list) else v) for k, v in sorted(vars(options).items()))
