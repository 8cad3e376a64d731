"""Weights without training under which values keep their size: statistics of batch normalization taken on images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras
    import numpy.typing as npt

    type Images = npt.NDArray[np.float32]

_SEED = 7
_GRAINS = (1, 2, 4, 8, 16)
"""Tiles along a side, of the coarsest to the finest pattern."""
_LARGER = 2**0.5
"""Keras' initial weights keep the power of values; a ReLU behind takes half of it."""


def textures(count: int, height: int, width: int, channels: int = 3) -> Images:
    """Pictures with patterns of several sizes, from 0 to 255: [count, height, width, channels]."""
    rng = np.random.default_rng(_SEED)
    made = np.zeros((count, height, width, channels))
    for grain in _GRAINS:
        coarse = rng.normal(size=(count, grain + 1, grain + 1, channels))
        rows = np.linspace(0, grain, height).astype(int)
        columns = np.linspace(0, grain, width).astype(int)
        made += coarse[:, rows][:, :, columns]
    made += rng.normal(scale=0.2, size=made.shape)
    low, high = (made.min(axis=(1, 2, 3), keepdims=True), made.max(axis=(1, 2, 3), keepdims=True))
    return np.asarray(255.0 * (made - low) / (high - low), np.float32)


def settle(model: keras.Model, samples: Any) -> keras.Model:
    """Give batch normalizations uneven factors and the statistics of these samples, and other layers larger weights.

    Args:
        model: with its initial weights; changed in place.
        samples: what the model takes, a batch of it.
    """
    import keras

    rng = np.random.default_rng(_SEED)
    norms = [layer for layer in _layers(model) if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in _layers(model):
        for weight in layer._trainable_variables:  # only its own, not those of layers in it
            values = np.asarray(weight)
            if weight.name in ("gamma", "beta", "bias") and values.ndim == 1:
                middle = 1.0 if weight.name == "gamma" else 0.0
                weight.assign(rng.normal(middle, 0.15, values.shape).astype(np.float32))
            if weight.name == "kernel" and not norms:
                weight.assign(values * _LARGER)
            if weight.name == "alpha":
                weight.assign(rng.uniform(0.1, 0.4, values.shape).astype(np.float32))
    for layer in norms:
        layer.momentum = 0.0  # the statistics of one batch
    model(samples, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    return model


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return list(model._flatten_layers(include_self=False))
