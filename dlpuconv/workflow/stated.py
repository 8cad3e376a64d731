"""What a user is told of a model that states its scales."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.ir.operators import ONNX_WEIGHTED
from dlpuconv.verification.kinds.operands import is_constant

if TYPE_CHECKING:
    import onnx_ir

    from dlpuconv.ir import Model


def told_of_scales(source: Model) -> tuple[str, ...]:
    """How many of its layers state scales, and what was noticed while they were read; nothing of a float model.

    Args:
        source: as it was read.
    """
    if not source.scales:
        return ()
    layers = [node for node in source.graph.graph if node.op_type in ONNX_WEIGHTED and _has_weights(node)]
    stated = sum(node.name in source.scales.weights for node in layers)
    return (f"the model is quantized: {stated} of {len(layers)} layers state their scales", *source.scales.told)


def _has_weights(node: onnx_ir.Node) -> bool:
    """Whether it multiplies by a constant, rearranged or not."""
    return any(value is not None and is_constant(value) for value in node.inputs[:2])
