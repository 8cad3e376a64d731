"""What a node says that is known before it is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.passes.editor import static_shape

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnx_ir


class NotInTorchError(Exception):
    """No function of torch's computes a node; the text says what it is about the node."""


def constant(node: onnx_ir.Node, index: int) -> npt.NDArray[np.generic] | None:
    """The array that an input always is; None where it is absent or computed."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None or value.const_value is None or not value.is_initializer() or value.is_graph_input():
        return None
    return np.asarray(value.const_value.numpy())


def known(node: onnx_ir.Node, index: int) -> npt.NDArray[np.generic]:
    """The array that an input always is.

    Raises:
        NotInTorchError: it is computed.
    """
    found = constant(node, index)
    if found is None:
        raise NotInTorchError(f"its input {index} is computed")
    return found


def known_if_given(node: onnx_ir.Node, index: int) -> npt.NDArray[np.generic] | None:
    """The array that an input always is; None where it is absent.

    Raises:
        NotInTorchError: it is computed.
    """
    return known(node, index) if index < len(node.inputs) and node.inputs[index] is not None else None


def shape_read(node: onnx_ir.Node, index: int = 0) -> tuple[int, ...]:
    """The static shape of an input.

    Raises:
        NotInTorchError: nobody knows it.
    """
    return _shape(node.inputs[index])


def shape_made(node: onnx_ir.Node) -> tuple[int, ...]:
    """The static shape of the output.

    Raises:
        NotInTorchError: nobody knows it.
    """
    return _shape(node.outputs[0])


def _shape(value: onnx_ir.Value | None) -> tuple[int, ...]:
    found = static_shape(value)
    if found is None:
        raise NotInTorchError("its shape is unknown")
    return tuple(found)
