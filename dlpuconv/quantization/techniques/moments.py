"""A float network that, on synthetic samples, gives values like those that it saw in training.

What synthetic samples make of a network drifts away from what real ones do, layer by layer. Where the mean and the
deviation of a layer's output channels are known from training, its weights and bias are changed so that it gives these;
the next layers then read what they would. The network is for measuring only: ranges, means and distributions by name
are those of the original's activations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.network import Constants
from dlpuconv.quantization.techniques.stepwise import Stepwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.ir.moments import Moments, NodeMoments
    from dlpuconv.network import Feed, Layer, Network, Node

    type Reals = npt.NDArray[np.float64]

_MOST_FACTOR = 10.0
"""A channel that synthetic samples hardly move tells too little to be stretched further."""
_CREDIBLE = 3.0
"""Of a layer's typical factor, and 1 / 3: networks whose statistics belong to their weights have 0.7 to 1.3."""
_SAME = 1e-5


def moments_of_layers(network: Network, known: Mapping[str, NodeMoments]) -> dict[Node, Moments]:
    """What is known of each layer's output before its activation.

    Args:
        network: float.
        known: by the source model's node.

    Returns:
        Only layers that still have the bias that the model's have: lowering may have folded more into others.
    """
    found = {}
    for node in network.nodes:
        told, bias = known.get(node.source_name), node.layer.bias if node.layer else None
        if told is not None and bias is not None and told.bias.size == bias.size and _equal(told.bias, bias):
            found[node] = told.made
    return found


def with_moments(network: Network, known: Mapping[Node, Moments], samples: Sequence[Feed]) -> Network | None:
    """A network whose layers give the known moments; all its activations are the original's.

    None where what is known contradicts the weights: some published networks hold statistics of another training.

    Args:
        network: float; it is not changed.
        known: of layers' outputs before their activations.
        samples: values of its inputs by name.

    Raises:
        BackendError: a node cannot be run.
    """
    run = Stepwise(network, samples)
    for node in network.nodes:
        if node in known:
            assert node.layer is not None
            adapted = _adapted(node.layer, known[node], run.made(activated=False)[0])
            if adapted is None:
                return None
            run.change(adapted)
        run.step()
    return run.network


def _adapted(layer: Layer, known: Moments, sums: Sequence[npt.NDArray[np.float32]]) -> Constants | None:
    """The layer with y (d / s) + m - mean(y) (d / s), for its outputs y of deviation s and the known m and d.

    None where the typical factor d / s is beyond belief.
    """
    mean, deviation = _measured(sums, known.mean.size)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(deviation > 0, known.deviation / deviation, 1.0)
    if not 1 / _CREDIBLE < np.median(factor) < _CREDIBLE:
        return None
    factor = np.clip(factor, 1 / _MOST_FACTOR, _MOST_FACTOR)
    assert layer.weights is not None
    assert layer.bias is not None
    weights = layer.weights * factor.reshape(-1, *(1 for _ in layer.weights.shape[1:]))
    bias = (layer.bias - mean) * factor + known.mean
    return Constants(weights=weights.astype(np.float32), bias=bias.astype(np.float32))


def _measured(values: Sequence[npt.NDArray[np.float32]], channels: int) -> tuple[Reals, Reals]:
    """[C] mean and standard deviation of values with channels last."""
    rows = [v.reshape(-1, channels).astype(np.float64) for v in values]
    mean = np.mean([r.mean(axis=0) for r in rows], axis=0)
    variance = np.mean([np.square(r - mean).mean(axis=0) for r in rows], axis=0)
    return mean, np.sqrt(variance)


def _equal(one: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    return bool(np.allclose(one, other, rtol=_SAME, atol=1e-7))
