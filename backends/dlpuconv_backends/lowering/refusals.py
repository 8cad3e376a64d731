"""What onnx2tf would stop at with words of its own: convolutions whose weights come of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UnsupportedModelError

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.ir import Model

_CONVOLUTIONS = ("Conv", "ConvTranspose")
_SHOWN = 5


def refuse_computed_weights(model: Model) -> None:
    """Check that the weights and biases of every convolution are constants.

    Raises:
        UnsupportedModelError: names those whose are not.
    """
    found = [
        f"{node.op_type} {node.name!r} ({value.name!r})"
        for node in model.graph.graph
        if node.op_type in _CONVOLUTIONS and (value := _computed(node)) is not None
    ]
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise UnsupportedModelError(
            "convolutions take weights that are constants, but these compute theirs: "
            f"{'; '.join(found[:_SHOWN])}{more}: end the graph in front of them with --cut-at and compute the rest on"
            " the CPU"
        )


def _computed(node: onnx_ir.Node) -> onnx_ir.Value | None:
    """The first of weights and bias that is no constant."""
    return next((value for value in node.inputs[1:] if value is not None and not value.is_initializer()), None)
