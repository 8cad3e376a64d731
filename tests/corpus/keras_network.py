"""A Keras network, channels last, in a process of its own: `python keras_network.py FILE.onnx`, and FILE.keras beside.

Keras itself writes ONNX with what is installed here through PyTorch, and it takes one backend for the life of a
process. Of its own file, dlpuconv makes ONNX by way of TensorFlow, which spells some layers in other ways.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(path: str) -> None:
    """Write the network to both files; PyTorch exports no normalization of rows."""
    os.environ["KERAS_BACKEND"] = "torch"
    _network(normalized=False).export(path, format="onnx", verbose=False)
    _network(normalized=True).save(Path(path).with_suffix(".keras"))


def _network(*, normalized: bool) -> Any:
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 127.5, -1)(image)
    x = layers.Conv2D(8, 3, 2, "same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    y = layers.PReLU("random_uniform", shared_axes=[1, 2])(layers.DepthwiseConv2D(3, 1, "same")(x))
    y = layers.Activation("swish")(layers.BatchNormalization()(y))
    gate = layers.Conv2D(4, 1, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(y))
    gate = layers.Conv2D(8, 1, activation="hard_sigmoid")(gate)
    x = layers.Add()([x, layers.Multiply()([y, gate])])
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
    x = layers.LayerNormalization()(x) if normalized else x
    x = layers.Conv2DTranspose(8, 3, 2, "same")(layers.UpSampling2D(2)(x))
    model = keras.Model(image, layers.Dense(5, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model(np.zeros((1, 32, 32, 3), np.float32))
    return model


if __name__ == "__main__":
    main(sys.argv[1])
