"""LEAKY_RELU(x) -> PRELU(x, slopes), one equal slope for each channel: exact, and int8 holds the slope without loss."""

from __future__ import annotations

import numpy as np

from dlpuconv_backends.flatbuffer import Operator, Tensor


def spell(op: Operator) -> list[Operator] | None:
    """The PRELU; None for a scalar, which has no channels."""
    if not op.output.shape:
        return None
    slopes = np.full((1,) * (len(op.output.shape) - 2) + op.output.shape[-1:], op.options.alpha, np.float32)
    constant = Tensor.constant(f"{op.output.name}_slopes", slopes)
    return [Operator("PRELU", [op.input(0), constant], [op.output], None, op.source_name)]
