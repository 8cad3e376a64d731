"""C for the final activation of an output that gives logits: for one at a time, since only a few pass a threshold."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dlpuconv.contract.c_text import c_float, c_function
from dlpuconv.contract.description import affine_of
from dlpuconv.ir import ActivationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.ir import Port


def softmax_axis(port: Port) -> int | None:
    """The axis of the buffer along which a softmax goes; None where there is none, or where a part lacks some of it."""
    axis = port.activation.axis if port.activation else None
    if axis is None or axis not in port.permutation or len(port.permutation) != len(port.source_shape):
        return None
    if port.part and port.part.axis == axis:
        return None
    return port.permutation.index(axis)


def activation_of(number: int, port: Port, kind: str) -> Iterator[str]:
    """A function from codes to probabilities.

    Args:
        number: of the output.
        port: the output.
        kind: C type of its codes.
    """
    affine, activation, axis = affine_of(port), port.activation, softmax_axis(port)
    if affine is None or activation is None:
        return
    if activation.kind is ActivationKind.SIGMOID:
        real = f"model_output_{number}_to_real(code)"
        declared = f"float model_output_{number}_to_probability({kind} code)"
        yield from c_function(declared, f"return 1.0f / (1.0f + expf(-{real}))")
    elif axis is not None:
        prefix = f"MODEL_OUTPUT_{number}_SOFTMAX"
        yield "/* One softmax: logit i is at codes[i * STRIDE], and its probability goes to probabilities[i]. */"
        yield f"#define {prefix}_LENGTH {port.shape[axis]}"
        yield f"#define {prefix}_STRIDE {math.prod(port.shape[axis + 1 :])}"
        loop = f"for (int i = 0; i < {prefix}_LENGTH; i++)"
        above = f"(float)codes[i * {prefix}_STRIDE] - most"
        yield from c_function(
            f"void model_output_{number}_to_probabilities(const {kind} *codes, float *probabilities)",
            "float most = (float)codes[0], sum = 0.0f",
            f"{loop} most = fmaxf(most, (float)codes[i * {prefix}_STRIDE])",
            f"{loop} sum += probabilities[i] = expf(({above}) * {c_float(affine.scale)})",
            f"{loop} probabilities[i] /= sum",
        )
