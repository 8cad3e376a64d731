"""Layers as matrix products: what each output position reads, and weights as rows.

A layer's output channels fall into G groups of O rows; the rows of a group read the same K values.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dlpuconv.network import Geometry, Layer, Node

    type Array = npt.NDArray[Any]

_OUTSIDE = -1


def rows_of(layer: Layer, weights: Array) -> Array:
    """[G, O, K] of a layer's weights."""
    return weights.reshape(layer.groups, weights.shape[0] // layer.groups, -1)


def energies_of(layer: Layer) -> npt.NDArray[np.float64]:
    """[O, I] sum of the squares of the weights between two channels: by it, a layer passes on the power of noise."""
    assert layer.weights is not None
    weights = layer.weights
    return np.asarray(np.square(weights, dtype=np.float64).sum(axis=tuple(range(1, weights.ndim - 1))))


def row_length(layer: Layer) -> int:
    """K."""
    assert layer.weights is not None
    return prod(layer.weights.shape[1:])


def positions_of(node: Node) -> int:
    """In one sample: how often the weights of a layer are applied."""
    layer = node.layer
    assert layer is not None
    if layer.geometry is None:
        return prod(node.input(layer.data).shape) // row_length(layer)
    return prod(node.output.shape[:-1])


def applied_share(layer: Layer) -> float:
    """Share of the kernel's taps that compute an output position away from edges; small for a transposed layer."""
    geometry = layer.geometry
    return prod(geometry.extent) / prod(geometry.out) if geometry is not None and geometry.transposed else 1.0


def columns_of(layer: Layer, data: Array, picked: npt.NDArray[np.intp]) -> Array:
    """[G, P, K] what the rows of each group read at some positions; zeros outside the input.

    Args:
        layer: its geometry decides.
        data: the activation that it reads, in its shape.
        picked: [P] positions in 0 .. positions - 1.
    """
    geometry = layer.geometry
    if geometry is None:
        return data.reshape(1, -1, row_length(layer))[:, picked]
    assert layer.weights is not None
    taps = layer.weights.shape[1:-1]
    if _reads_itself(geometry, taps):
        return np.moveaxis(data.reshape(-1, layer.groups, layer.columns)[picked], 1, 0)
    sample, *places = np.unravel_index(picked, (data.shape[0], *geometry.out))
    read = np.zeros((len(data), *(extent + 1 for extent in data.shape[1:-1]), data.shape[-1]), data.dtype)
    read[tuple(map(slice, data.shape))] = data  # _OUTSIDE, as the last index, finds zeros
    index = [sample.reshape(-1, *(1 for _ in taps))]
    for axis, (kernel, place) in enumerate(zip(taps, places, strict=True)):
        along = [-1 if other == axis else 1 for other in range(len(taps))]
        index.append(_taps(geometry, axis, kernel)[place].reshape(picked.size, *along))
    parts = read[tuple(index)].reshape(picked.size, prod(taps), layer.groups, -1)
    return np.moveaxis(parts, 2, 0).reshape(layer.groups, picked.size, -1)


def _reads_itself(geometry: Geometry, taps: Sequence[int]) -> bool:
    """Whether each position reads the one at its own place, and no other."""
    return prod((*taps, *geometry.stride)) == 1 and not any(geometry.before) and geometry.out == geometry.extent


def _taps(geometry: Geometry, axis: int, kernel: int) -> npt.NDArray[np.intp]:
    """[positions, taps] which input position each tap reads along one axis."""
    stride, dilation, before = geometry.stride[axis], geometry.dilation[axis], geometry.before[axis]
    reach, position = np.arange(kernel) * dilation, np.arange(geometry.out[axis])[:, None]
    if geometry.transposed:
        reached, remainder = np.divmod(position + before - reach, stride)
        found = np.where(remainder == 0, reached, _OUTSIDE)
    else:
        found = position * stride + reach - before
    return np.where((found >= 0) & (found < geometry.extent[axis]), found, _OUTSIDE)
