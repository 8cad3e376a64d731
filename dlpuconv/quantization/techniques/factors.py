"""Cross-layer equalization that keeps the function: factors for channels, found from weights and activations.

Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias Correction", equations 9-11: for
f(s x) = s f(x), a channel may be multiplied by s in the layer that makes it and divided by it in the one that reads it;
s = sqrt(r_next / r_this) gives both the same range. Here a *variable* is the factor of all channels that have to
share one (residual sums tie channels of many layers), ranges are relative to each layer's largest weight, and a factor
is bounded by what the activation may reach: a clip such as ReLU6's must not begin, or cease, to act.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

_DAMPING = 0.25
"""All factors move at once: half of equation 11's exponent keeps a chain from swinging."""
_ROUNDS = 40
_CONVERGED = 1e-3
_MOST = 1e3
"""No factor beyond this: float32 weights and int32 biases have to hold what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Magnitudes:
    """A layer as equalization sees it.

    Attributes:
        largest: [O, I] largest |weight| between two channels.
        made: [O] variable of each output channel.
        read: [O, I] variable of the input channel that each column stands for; [1, I] where that is so in all rows.
    """

    largest: npt.NDArray[np.float64]
    made: npt.NDArray[np.intp]
    read: npt.NDArray[np.intp]

    def read_alike(self) -> Magnitudes:
        """The same with `read` of one row, [1, I], where all are equal: unlike those of depthwise or grouped layers."""
        alike = self.read.shape[0] > 1 and (self.read == self.read[0]).all()
        return replace(self, read=self.read[:1]) if alike else self


def solve(layers: Sequence[Magnitudes], most: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The factor of every variable.

    Args:
        layers: every layer that makes or reads a variable.
        most: [V] the largest factor allowed; nan fixes a variable at 1.

    Returns:
        [V] factors, positive; 1 where nothing asks for another one.
    """
    fixed = np.isnan(most)
    bound = np.where(fixed, 1.0, np.minimum(most, _MOST))
    logs: npt.NDArray[np.float64] = np.zeros(most.size)
    layers = [layer.read_alike() for layer in layers]
    for _ in range(_ROUNDS):
        made, read = _ranges(layers, np.exp(logs))
        known = (made > 0) & (read > 0) & ~fixed
        step = np.zeros_like(logs)
        step[known] = _DAMPING * (np.log(read[known]) - np.log(made[known]))
        new = np.clip(logs + step, -np.log(_MOST), np.log(bound))
        new[~known] = 0.0
        moved = float(np.abs(new - logs).max(initial=0.0))
        logs = new
        if moved < _CONVERGED:
            break
    return np.exp(logs)


def _ranges(
    layers: Sequence[Magnitudes], factors: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """[V] the largest relative weight range of the channels that make, and that read, each variable."""
    made, read = np.zeros(factors.size), np.zeros(factors.size)
    for layer in layers:
        now = layer.largest * factors[layer.made][:, None] / factors[layer.read]
        peak = now.max(initial=0.0)
        if peak == 0.0:
            continue
        np.maximum.at(made, layer.made, now.max(axis=1) / peak)
        peaks = now.max(axis=0, keepdims=True) if layer.read.shape[0] == 1 else now
        np.maximum.at(read, layer.read.ravel(), peaks.ravel() / peak)
    return made, read
