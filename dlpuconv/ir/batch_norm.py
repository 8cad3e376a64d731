"""The numbers of a BatchNormalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir

if TYPE_CHECKING:
    import numpy.typing as npt

_DEFAULT_EPSILON = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchNorm:
    """What one remembers of training, [C] float64 each.

    Attributes:
        gamma: factor behind the normalization.
        beta: summand behind it.
        mean: of x.
        variance: of x, not negative.
        epsilon: keeps the root from zero.
    """

    gamma: npt.NDArray[np.float64]
    beta: npt.NDArray[np.float64]
    mean: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    epsilon: float


def read_batch_norm(node: onnx_ir.Node) -> BatchNorm | None:
    """The numbers of a node; None for other nodes, and where they are computed."""
    if node.op_type != "BatchNormalization":
        return None
    gamma, beta, mean, variance = (_constant(value) for value in node.inputs[1:5])
    if gamma is None or beta is None or mean is None or variance is None:
        return None
    given = node.attributes.get("epsilon")
    return BatchNorm(
        gamma=gamma,
        beta=beta,
        mean=mean,
        variance=np.maximum(variance, 0.0),
        epsilon=_DEFAULT_EPSILON if given is None else given.as_float(),
    )


def _constant(value: onnx_ir.Value | None) -> npt.NDArray[np.float64] | None:
    """A constant, also one that an exporter hid behind Identity or in a Constant node."""
    node = None if value is None else value.producer()
    while node is not None and node.op_type == "Identity":
        value = node.inputs[0]
        node = None if value is None else value.producer()
    tensor = None if value is None else onnx_ir.convenience.get_const_tensor(value)
    return None if tensor is None else tensor.numpy().astype(np.float64).ravel()
