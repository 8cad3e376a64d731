"""ADD(MUL(x, m), a) with constants per channel -> DEPTHWISE_CONV_2D(x, 1x1 weights m, bias a).

One operator and one rounding instead of two, and per-channel weights where the chip has them; ARTPEC-9 multiplies by
constants in no other way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from dlpuconv_backends.cleanup.fold_affine import affine_of
from dlpuconv_backends.cleanup.uses import Uses
from dlpuconv_backends.flatbuffer.graph import Operator, Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from dlpuconv_backends.flatbuffer.graph import Graph


def affine_to_depthwise(graph: Graph) -> int:
    """Rewrite in place; how many pairs were merged."""
    uses = Uses(graph)
    gone: list[Operator] = []
    for op in graph.operators:
        second = affine_of(op) if op.kind in ("ADD", "SUB") else None
        before = uses.sole_producer(second.source) if second is not None else None
        first = affine_of(before) if before is not None and before.kind in ("MUL", "DIV") else None
        if first is None or second is None or before is None or before.options.fusedActivationFunction:
            continue
        channels = op.output.shape[-1]
        factor, offset = second.factor * first.factor, second.offset + second.factor * first.offset
        if len(op.output.shape) != 4 or max(factor.size, offset.size) != channels or channels == 1:
            continue
        _become_depthwise(op, first.source, np.broadcast_to(factor, channels), np.broadcast_to(offset, channels))
        gone.append(before)
    graph.remove(gone)
    return len(gone)


def _become_depthwise(op: Operator, source: Tensor, factor: npt.NDArray[Any], offset: npt.NDArray[Any]) -> None:
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
    options.depthMultiplier = 1
    options.fusedActivationFunction = op.options.fusedActivationFunction
    name = op.output.name
    weights = np.ascontiguousarray(factor.reshape(1, 1, 1, -1), np.float32)
    bias = np.ascontiguousarray(offset, np.float32)
    op.kind, op.options = "DEPTHWISE_CONV_2D", options
    op.inputs = [source, Tensor.constant(f"{name}/weights", weights), Tensor.constant(f"{name}/bias", bias)]
