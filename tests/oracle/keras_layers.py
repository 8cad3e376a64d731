"""One small Keras model for each layer, with weights and statistics that are not trivial.

Keras is imported by the oracle's process alone, which calls this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import layers

if TYPE_CHECKING:
    from collections.abc import Callable

    type Build = Callable[..., Any]

IMAGE, ROWS, VECTOR = (8, 8, 4), (6, 8), (12,)


def _alone(shape: tuple[int, ...], layer: Callable[[], Any]) -> Callable[[], Any]:
    """A model of one layer and one input."""
    return lambda: _model([shape], lambda x: layer()(x))


def _merged(layer: Callable[[], Any], *shapes: tuple[int, ...]) -> Callable[[], Any]:
    """A model of one layer that reads several inputs."""
    return lambda: _model(list(shapes), lambda *x: layer()(list(x)))


def _model(shapes: list[tuple[int, ...]], build: Build) -> Any:
    inputs = [keras.Input(shape, 1, name=f"x{n}") for n, shape in enumerate(shapes)]
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], build(*inputs))


_ACTIVATIONS = (
    "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "sigmoid", "tanh", "softmax", "softplus", "softsign",
    "hard_sigmoid", "hard_silu", "hard_tanh", "exponential", "mish", "log_softmax",
)  # fmt: skip


def _batch_normalized(build: Build) -> Callable[[], Any]:
    return lambda: _model([IMAGE], lambda x: layers.BatchNormalization()(build(x)))


LAYERS: dict[str, Callable[[], Any]] = {
    "Conv2D": _alone(IMAGE, lambda: layers.Conv2D(6, 3)),
    "Conv2D same, strided": _alone(IMAGE, lambda: layers.Conv2D(6, 3, 2, "same")),
    "Conv2D dilated": _alone(IMAGE, lambda: layers.Conv2D(6, 3, padding="same", dilation_rate=2)),
    "Conv2D no bias": _alone(IMAGE, lambda: layers.Conv2D(6, 3, use_bias=False)),
    "Conv2D relu": _alone(IMAGE, lambda: layers.Conv2D(6, 3, activation="relu")),
    "Conv2D relu6": _alone(IMAGE, lambda: layers.Conv2D(6, 1, activation="relu6")),
    "Conv2D groups": _alone(IMAGE, lambda: layers.Conv2D(6, 3, groups=2)),
    "Conv1D": _alone(ROWS, lambda: layers.Conv1D(6, 3)),
    "DepthwiseConv2D": _alone(IMAGE, lambda: layers.DepthwiseConv2D(3)),
    "DepthwiseConv2D multiplier": _alone(IMAGE, lambda: layers.DepthwiseConv2D(3, 2, "same", depth_multiplier=2)),
    "SeparableConv2D": _alone(IMAGE, lambda: layers.SeparableConv2D(6, 3)),
    "Conv2DTranspose": _alone(IMAGE, lambda: layers.Conv2DTranspose(6, 3, 2, "same")),
    "Conv2DTranspose valid": _alone(IMAGE, lambda: layers.Conv2DTranspose(6, 2, 2, activation="relu")),
    "Dense": _alone(VECTOR, lambda: layers.Dense(5)),
    "Dense relu": _alone(VECTOR, lambda: layers.Dense(5, activation="relu")),
    "Dense no bias": _alone(VECTOR, lambda: layers.Dense(5, use_bias=False)),
    "Dense on rows": _alone(ROWS, lambda: layers.Dense(5)),
    "BatchNormalization": _batch_normalized(lambda x: x),
    "BatchNormalization behind Conv2D": _batch_normalized(lambda x: layers.Conv2D(6, 3, use_bias=False)(x)),
    "BatchNormalization behind DepthwiseConv2D": _batch_normalized(lambda x: layers.DepthwiseConv2D(3)(x)),
    "LayerNormalization": _alone(ROWS, layers.LayerNormalization),
    "UnitNormalization": _alone(ROWS, layers.UnitNormalization),
    **{f"Activation {name}": _alone(IMAGE, lambda n=name: layers.Activation(n)) for name in _ACTIVATIONS},  # type: ignore[misc]
    "ReLU slope": _alone(IMAGE, lambda: layers.ReLU(negative_slope=0.1)),
    "PReLU": _alone(IMAGE, lambda: layers.PReLU(shared_axes=[1, 2], alpha_initializer="glorot_uniform")),
    "Softmax": _alone(ROWS, layers.Softmax),
    "MaxPooling2D": _alone(IMAGE, lambda: layers.MaxPooling2D(2)),
    "MaxPooling2D same": _alone(IMAGE, lambda: layers.MaxPooling2D(3, 2, "same")),
    "AveragePooling2D": _alone(IMAGE, lambda: layers.AveragePooling2D(2)),
    "AveragePooling2D same": _alone(IMAGE, lambda: layers.AveragePooling2D(3, 2, "same")),
    "MaxPooling1D": _alone(ROWS, lambda: layers.MaxPooling1D(2)),
    "GlobalAveragePooling2D": _alone(IMAGE, layers.GlobalAveragePooling2D),
    "GlobalAveragePooling2D kept": _alone(IMAGE, lambda: layers.GlobalAveragePooling2D(keepdims=True)),
    "GlobalMaxPooling2D": _alone(IMAGE, layers.GlobalMaxPooling2D),
    "GlobalAveragePooling1D": _alone(ROWS, layers.GlobalAveragePooling1D),
    "UpSampling2D": _alone(IMAGE, lambda: layers.UpSampling2D(2)),
    "UpSampling2D bilinear": _alone(IMAGE, lambda: layers.UpSampling2D(2, interpolation="bilinear")),
    "Resizing": _alone(IMAGE, lambda: layers.Resizing(12, 10)),
    "ZeroPadding2D": _alone(IMAGE, lambda: layers.ZeroPadding2D(((1, 2), (0, 1)))),
    "ZeroPadding2D before Conv2D": lambda: _model(
        [IMAGE], lambda x: layers.Conv2D(6, 3, 2)(layers.ZeroPadding2D(((0, 1), (0, 1)))(x))
    ),
    "Cropping2D": _alone(IMAGE, lambda: layers.Cropping2D(((1, 2), (0, 1)))),
    "Rescaling": _alone(IMAGE, lambda: layers.Rescaling(1 / 2, -1.0)),
    "Normalization": _alone(
        IMAGE, lambda: layers.Normalization(mean=[0.1, -0.2, 0.3, 0.0], variance=[0.5, 1.0, 2.0, 3.0])
    ),
    "Add": _merged(layers.Add, IMAGE, IMAGE),
    "Subtract": _merged(layers.Subtract, IMAGE, IMAGE),
    "Multiply": _merged(layers.Multiply, IMAGE, IMAGE),
    "Multiply by channel": _merged(layers.Multiply, IMAGE, (1, 1, 4)),
    "Average": _merged(layers.Average, IMAGE, IMAGE),
    "Maximum": _merged(layers.Maximum, IMAGE, IMAGE),
    "Minimum": _merged(layers.Minimum, IMAGE, IMAGE),
    "Concatenate": _merged(layers.Concatenate, IMAGE, IMAGE),
    "Dot": _merged(lambda: layers.Dot(axes=(2, 2)), ROWS, (5, 8)),
    "Attention": _merged(layers.Attention, ROWS, ROWS),
    "MultiHeadAttention": lambda: _model([ROWS], lambda x: layers.MultiHeadAttention(2, 4)(x, x)),
    "Reshape": _alone(IMAGE, lambda: layers.Reshape((16, 16))),
    "Permute": _alone(IMAGE, lambda: layers.Permute((2, 1, 3))),
    "Flatten": _alone(IMAGE, layers.Flatten),
    "RepeatVector": _alone(VECTOR, lambda: layers.RepeatVector(3)),
}


def built(name: str) -> Any:
    """The model of a layer; what training would set is random, statistics positive."""
    keras.utils.set_random_seed(7)
    model = LAYERS[name]()
    random = np.random.default_rng(11)
    for variable in model.trainable_variables:
        if variable.path.endswith(("bias", "beta", "gamma")):
            variable.assign(random.uniform(0.2, 1.0, variable.shape))
    for variable in model.non_trainable_variables:
        if variable.path.endswith(("moving_mean", "moving_variance")):
            variable.assign(random.uniform(0.2, 1.0, variable.shape))
    return model
