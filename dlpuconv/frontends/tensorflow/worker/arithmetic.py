"""Functions of TensorFlow's that tf2onnx does not know, in ONNX's operators. Only the worker imports this.

Erfc(x) -> 1 - Erf(x), as Keras spells its GELU        Log1p(x) -> Log(x + 1)        Expm1(x) -> Exp(x) - 1
Inv(x) -> Reciprocal(x)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_SPELLED = {
    "Erfc": (("Erf", ("x",)), ("Sub", ("one", "x"))),
    "Log1p": (("Add", ("x", "one")), ("Log", ("x",))),
    "Expm1": (("Exp", ("x",)), ("Sub", ("x", "one"))),
    "Inv": (("Reciprocal", ("x",)),),
}
"""By operator: what is done to the operand, x, one after another."""


def handlers() -> dict[str, tuple[Callable[..., None], list[Any]]]:
    """By operator, as tf2onnx takes them (`custom_op_handlers`)."""
    return {operator: (_spell, []) for operator in _SPELLED}


def _spell(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> None:
    """Put the operators in the place of a node of tf2onnx's graph."""
    steps, (value,), result, name = _SPELLED[node.type], node.input, node.output[0], node.name
    graph.remove_node(name)
    for number, (operator, operands) in enumerate(steps, 1):
        read = [value if operand == "x" else _one(graph, result) for operand in operands]
        last = number == len(steps)
        made = graph.make_node(
            operator,
            read,
            name=name if last else f"{name}/{operator}",
            outputs=[result] if last else None,
            shapes=[graph.get_shape(value)],
            dtypes=[graph.get_dtype(value)],
        )
        value = made.output[0]


def _one(graph: Any, result: str) -> str:
    name: str = graph.make_const(f"{result}/one", np.float32(1)).output[0]
    return name
