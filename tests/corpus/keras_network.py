"""A Keras network, channels last, exported by Keras itself, in a process of its own: `python keras_network.py FILE`.

Keras writes ONNX with what is installed here through PyTorch, and it takes one backend for the life of a process.
"""

from __future__ import annotations

import os
import sys

import numpy as np


def main(path: str) -> None:
    """Write the network to a file."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(image)
    x = layers.Conv2D(8, 3, 2, "same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, 1, "same")(x)
    y = layers.Activation("swish")(layers.BatchNormalization()(y))
    gate = layers.Conv2D(4, 1, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    gate = layers.Conv2D(8, 1, activation="hard_sigmoid")(gate)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    x = layers.Conv2DTranspose(8, 3, 2, "same")(layers.UpSampling2D(2)(x))
    model = keras.Model(image, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model(np.zeros((1, 32, 32, 3), np.float32))
    model.export(path, format="onnx", verbose=False)


if __name__ == "__main__":
    main(sys.argv[1])
