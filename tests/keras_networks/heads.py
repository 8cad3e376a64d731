"""Networks as people build them of a backbone and heads: detectors, segmentation, images out, sequences."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

import keras
from keras import layers, ops

if TYPE_CHECKING:
    from collections.abc import Sequence

type Node = Any
"""A symbolic tensor of Keras: [batch, height, width, channels] unless said otherwise."""


def _convolved(x: Node, filters: int, size: int = 3, strides: int = 1, dilation: int = 1) -> Node:
    x = layers.Conv2D(filters, size, strides, padding="same", dilation_rate=dilation, use_bias=False)(x)
    return layers.ReLU(6.0)(layers.BatchNormalization()(x))


def _separated(x: Node, filters: int, strides: int = 1, dilation: int = 1) -> Node:
    x = layers.DepthwiseConv2D(3, strides, padding="same", dilation_rate=dilation, use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    return _convolved(x, filters, 1)


def _backbone(x: Node, widths: Sequence[int] = (16, 32, 48)) -> list[Node]:
    """Feature maps at strides 2, 4, 8 ..."""
    first = _convolved(layers.Rescaling(1 / 127.5, offset=-1.0)(x), widths[0], strides=2)
    return list(accumulate(widths[1:], lambda x, width: _separated(x, width, strides=2), initial=first))


def ssd(side: int = 96) -> keras.Model:
    """Boxes and class scores of two feature maps, reshaped to [1, anchors, ...] and joined."""
    image = keras.Input((side, side, 3), name="image")
    boxes, scores = [], []
    for i, features in enumerate(_backbone(image)[1:]):
        box = layers.Conv2D(3 * 4, 3, padding="same", name=f"box_{i}")(features)
        score = layers.Conv2D(3 * 5, 3, padding="same", name=f"score_{i}")(features)
        boxes.append(layers.Reshape((-1, 4))(box))
        scores.append(layers.Reshape((-1, 5))(score))
    box = layers.Concatenate(axis=1, name="boxes")(boxes)
    score = layers.Softmax(name="scores")(layers.Concatenate(axis=1)(scores))
    return keras.Model(image, {"boxes": box, "scores": score}, name="ssd")


def unet(side: int = 96) -> keras.Model:
    """Down and up again with skipped connections, by transposed convolutions and by enlarging."""
    image = keras.Input((side, side, 3), name="image")
    first, second, third = _backbone(image, (16, 24, 32))
    x = layers.Conv2DTranspose(24, 3, 2, padding="same")(third)
    x = _convolved(layers.Concatenate()([x, second]), 24)
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    x = _convolved(layers.Concatenate()([x, first]), 16)
    x = layers.UpSampling2D(2, interpolation="nearest")(x)
    x = layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x)
    return keras.Model(image, x, name="unet")


def deeplab(side: int = 96) -> keras.Model:
    """Dilated convolutions side by side, the picture's mean among them, enlarged to the picture's size."""
    image = keras.Input((side, side, 3), name="image")
    low, _, x = _backbone(image, (16, 24, 32))
    mean = _convolved(layers.GlobalAveragePooling2D(keepdims=True)(x), 16, 1)
    mean = layers.UpSampling2D(side // 8, interpolation="bilinear")(mean)
    found = [_convolved(x, 16, 1), mean, *(_separated(x, 16, dilation=rate) for rate in (2, 4))]
    x = _convolved(layers.Concatenate()(found), 32, 1)
    x = layers.UpSampling2D(4, interpolation="bilinear")(x)
    x = _convolved(layers.Concatenate()([x, _convolved(low, 8, 1)]), 24, dilation=2)
    x = layers.Conv2D(5, 1)(x)
    x = layers.Resizing(side, side, interpolation="bilinear")(x)
    return keras.Model(image, layers.Softmax(name="classes")(x), name="deeplab")


def autoencoder(side: int = 32) -> keras.Model:
    """Through a vector and back to a picture."""
    image = keras.Input((side, side, 3), name="image")
    x = _backbone(image, (8, 16))[-1]
    x = layers.Dense(24, activation="relu")(layers.Flatten()(x))
    x = layers.Reshape((side // 4, side // 4, 8))(layers.Dense(side // 4 * (side // 4) * 8, activation="relu")(x))
    x = layers.Conv2DTranspose(16, 3, 2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(3, 4, 2, padding="same", activation="sigmoid")(x)
    return keras.Model(image, x, name="autoencoder")


def super_resolution(side: int = 32) -> keras.Model:
    """Channels become pixels: what `depth_to_space` does, in Keras's own operations."""
    image = keras.Input((side, side, 1), name="image")
    x = layers.Conv2D(16, 5, padding="same")(layers.Rescaling(1 / 255)(image))
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.Conv2D(4, 3, padding="same")(x)
    x = ops.reshape(x, (-1, side, side, 2, 2, 1))
    x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * side, 2 * side, 1))
    return keras.Model(image, ops.clip(x, 0.0, 1.0), name="super_resolution")


def pose(side: int = 64) -> keras.Model:
    """Heat maps of key points, and one vector of coordinates beside them."""
    image = keras.Input((side, side, 3), name="image")
    x = _backbone(image, (16, 24, 32))[-1]
    maps = layers.Conv2DTranspose(16, 4, 2, padding="same", activation="relu")(x)
    maps = layers.Conv2D(5, 1, activation="sigmoid", name="maps")(maps)
    points = layers.Dense(10, name="points")(layers.Flatten()(layers.MaxPooling2D()(_convolved(x, 8, 1))))
    return keras.Model(image, [maps, points], name="pose")


def squeezed(side: int = 64) -> keras.Model:
    """Gates by channel, of all the names that activations have."""
    image = keras.Input((side, side, 3), name="image")
    x = _backbone(image, (16, 24))[-1]
    for activation in ("swish", "hard_swish", "leaky_relu", "elu", "gelu", "mish", "softplus", "relu6"):
        y = layers.Activation(activation)(layers.BatchNormalization()(layers.Conv2D(24, 3, padding="same")(x)))
        gate = layers.Reshape((1, 1, 24))(layers.GlobalAveragePooling2D()(y))
        gate = layers.Conv2D(24, 1, activation="hard_sigmoid")(layers.Conv2D(8, 1, activation="relu")(gate))
        x = layers.Add()([x, layers.Multiply()([y, gate])])
    return keras.Model(image, layers.Dense(5)(layers.GlobalMaxPooling2D()(x)), name="squeezed")


def recurrent(kind: str, side: int = 32) -> keras.Model:
    """Columns of a feature map are read one after another, by an `LSTM` or a `GRU`, both ways."""
    image = keras.Input((side, side, 1), name="image")
    x = _backbone(image, (8, 16))[-1]
    x = layers.Reshape((side // 4, side // 4 * 16))(layers.Permute((2, 1, 3))(x))
    x = layers.Bidirectional(getattr(layers, kind)(12, return_sequences=True))(x)
    return keras.Model(image, layers.Dense(7, activation="softmax")(x), name=kind.lower())


def attention(side: int = 32) -> keras.Model:
    """Patches attend to one another."""
    image = keras.Input((side, side, 3), name="image")
    x = layers.Conv2D(24, 8, 8)(layers.Rescaling(1 / 255)(image))
    x = layers.Reshape((-1, 24))(x)
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 12)(y, y)])
    y = layers.Dense(24)(layers.Dense(48, activation="gelu")(layers.LayerNormalization()(x)))
    x = layers.GlobalAveragePooling1D()(layers.Add()([x, y]))
    return keras.Model(image, layers.Dense(5, activation="softmax")(x), name="attention")


def two_inputs(side: int = 32) -> keras.Model:
    """A picture and a vector of measurements."""
    image = keras.Input((side, side, 3), name="image")
    numbers = keras.Input((6,), name="numbers")
    x = layers.Flatten()(_backbone(image, (8, 16))[-1])
    x = layers.Concatenate()([layers.Dense(16, activation="relu")(x), layers.Dense(8, activation="tanh")(numbers)])
    return keras.Model([image, numbers], [layers.Dense(3, name="what")(x), layers.Dense(1, name="how_much")(x)])
