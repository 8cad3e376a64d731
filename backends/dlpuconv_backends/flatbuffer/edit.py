"""What rewrites share: new operators with the options that they need, and questions about what is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from dlpuconv_backends.flatbuffer.graph import Graph


def scalar(name: str, value: float) -> Tensor:
    """A float32 constant of rank 0."""
    return Tensor.constant(name, np.array(value, np.float32))


def mul(a: Tensor, b: Tensor, out: Tensor, source_name: str, activation: int = 0) -> Operator:
    """`out = a * b`, with a fused activation of the schema's enum."""
    return Operator("MUL", [a, b], [out], _activated(schema.MulOptionsT(), activation), source_name)


def add(a: Tensor, b: Tensor, out: Tensor, source_name: str, activation: int = 0) -> Operator:
    """`out = a + b`, with a fused activation of the schema's enum."""
    return Operator("ADD", [a, b], [out], _activated(schema.AddOptionsT(), activation), source_name)


def sub(a: Tensor, b: Tensor, out: Tensor, source_name: str) -> Operator:
    """`out = a - b`."""
    return Operator("SUB", [a, b], [out], _activated(schema.SubOptionsT(), 0), source_name)


def unary(kind: str, x: Tensor, out: Tensor, source_name: str) -> Operator:
    """An operator of one input and no options."""
    return Operator(kind, [x], [out], None, source_name)


def bounded(kind: str, x: Tensor, bound: Tensor, out: Tensor, source_name: str) -> Operator:
    """`out` is the MINIMUM or MAXIMUM of x and a bound."""
    return Operator(kind, [x, bound], [out], schema.MaximumMinimumOptionsT(), source_name)


def operand(value: Tensor | None, kind: str, producers: Mapping[Tensor, Operator]) -> Tensor | None:
    """What the operator of this kind reads that makes the value; None where another one does."""
    producer = producers.get(value) if value is not None else None
    return producer.input(0) if producer is not None and producer.kind == kind else None


def fused_activation(op: Operator) -> int:
    """ActivationFunctionType of what is fused behind an operator; 0 for nothing."""
    return int(getattr(op.options, "fusedActivationFunction", 0) or 0)


def like(tensor: Tensor, suffix: str) -> Tensor:
    """A new activation of the same shape."""
    return Tensor(f"{tensor.name}_{suffix}", tensor.shape, tensor.dtype)


def scalar_value(tensor: Tensor) -> float | None:
    """The value of a constant whose elements are all equal, or None."""
    if tensor.data is None or not tensor.data.size:
        return None
    first = tensor.data.reshape(-1)[0]
    return float(first) if (tensor.data == first).all() else None


def replace_each(graph: Graph, kind: str, make: Callable[[Operator], list[Operator] | None]) -> list[str]:
    """Put what `make` gives in the place of each operator of this kind; None leaves it.

    Returns:
        The ONNX names (or output names) of what was replaced.
    """
    done: list[str] = []
    operators: list[Operator] = []
    for op in graph.operators:
        new = make(op) if op.kind == kind else None
        if new is None:
            operators.append(op)
            continue
        operators.extend(new)
        done.append(op.source_name or op.output.name)
    graph.operators = operators
    return done


def _activated(options: Any, activation: int) -> Any:
    options.fusedActivationFunction = activation
    return options
