"""Where the ops with trained weights keep what, by format."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WeightedForm:
    """Where a weighted TFLite op keeps what.

    Attributes:
        activation: position of the activation among the inputs.
        weights: position of the weights.
        bias: position of the bias, which may be absent.
        axis: the weights' output-channel axis.
    """

    activation: int
    weights: int
    bias: int
    axis: int


WEIGHTED: dict[str, WeightedForm] = {
    "CONV_2D": WeightedForm(0, 1, 2, 0),  # weights [C_out, KH, KW, C_in]
    "DEPTHWISE_CONV_2D": WeightedForm(0, 1, 2, 3),  # weights [1, KH, KW, C_out]
    "FULLY_CONNECTED": WeightedForm(0, 1, 2, 0),  # weights [C_out, C_in]
    "TRANSPOSE_CONV": WeightedForm(2, 1, 3, 0),  # inputs: output shape, weights [C_out, KH, KW, C_in], activation, bias
    "CONV_3D": WeightedForm(0, 1, 2, 4),  # weights [KD, KH, KW, C_in, C_out]
}
"""TFLite's ops with trained weights, by name."""
