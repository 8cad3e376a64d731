"""What is known of an activation's channels without having seen any data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.ir.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Mean and standard deviation of each channel over positions and samples, in training.

    Attributes:
        mean: [C] float64.
        deviation: [C] float64, not negative.
    """

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMoments:
    """What is known of a node with a constant bias.

    Attributes:
        made: of its output.
        bias: [C].
    """

    made: Moments
    bias: npt.NDArray[np.generic]


def moments_of_nodes(model: Model, known: Mapping[str, Moments]) -> dict[str, NodeMoments]:
    """What is known of layers' outputs before their activations, by node name.

    Args:
        model: in normal form.
        known: by value name.
    """
    found = {}
    for node in model.graph.graph if known else ():
        bias = node.inputs[2] if len(node.inputs) > 2 else None
        made = known.get(node.outputs[0].name or "")
        if made is not None and bias is not None and bias.const_value is not None:
            found[node.name or ""] = NodeMoments(made=made, bias=bias.const_value.numpy().reshape(-1))
    return found
