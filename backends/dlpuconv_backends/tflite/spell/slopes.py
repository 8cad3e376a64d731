"""LEAKY_RELU(x) -> PRELU(x, slopes), ABS(x) -> PRELU(x, -1): exact, and int8 holds the one slope without loss."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.flatbuffer import Operator, Tensor


def spell(op: Operator) -> list[Operator] | None:
    """The PRELU, with an equal slope for each channel; None for a scalar, which has no channels."""
    if not op.output.shape:
        return None
    slope = -1.0 if op.kind == "ABS" else op.options.alpha
    slopes = np.full((1,) * (len(op.output.shape) - 2) + op.output.shape[-1:], slope, np.float32)
    constant = Tensor.constant(f"{op.output.name}_slopes", slopes)
    return [Operator("PRELU", [op.input(0), constant], [op.output], None, op.source_name)]
