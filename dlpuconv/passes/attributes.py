"""Attributes of a node, as plain Python values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx_ir

if TYPE_CHECKING:
    from collections.abc import Sequence


POINTWISE = {"kernel_shape": [1, 1], "strides": [1, 1], "pads": [0] * 4, "dilations": [1, 1]}
"""Geometry of a Conv or pool that looks at one pixel."""


def integer(node: onnx_ir.Node, name: str, default: int) -> int:
    """The attribute, or what ONNX takes where it is absent."""
    found = node.attributes.get(name)
    return default if found is None else found.as_int()


def integers(node: onnx_ir.Node, name: str) -> list[int] | None:
    """The attribute, or None where it is absent."""
    found = node.attributes.get(name)
    return None if found is None else list(found.as_ints())


def number(node: onnx_ir.Node, name: str, default: float) -> float:
    """The attribute, or what ONNX takes where it is absent."""
    found = node.attributes.get(name)
    return default if found is None else found.as_float()


def text(node: onnx_ir.Node, name: str, default: str) -> str:
    """The attribute, or what ONNX takes where it is absent."""
    found = node.attributes.get(name)
    return default if found is None else found.as_string()


def pads(node: onnx_ir.Node) -> bool:
    """Whether the operator pads its input."""
    return any(integers(node, "pads") or ())


def put(node: onnx_ir.Node, name: str, value: float | str | Sequence[int]) -> None:
    """Set an attribute; whole numbers become integers."""
    if isinstance(value, str):
        node.attributes.add(onnx_ir.AttrString(name, value))
    elif isinstance(value, int):
        node.attributes.add(onnx_ir.AttrInt64(name, value))
    elif isinstance(value, float):
        node.attributes.add(onnx_ir.AttrFloat32(name, value))
    else:
        node.attributes.add(onnx_ir.AttrInt64s(name, list(value)))
