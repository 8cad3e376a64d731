"""Small Keras models, and what their files and folders are called: built once, for TensorFlow takes seconds to load."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@pytest.fixture(scope="session")
def keras() -> Any:
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    return pytest.importorskip("keras")


@pytest.fixture(scope="session")
def classifier(keras: Any) -> Any:
    """Rescaling, a convolution with batch norm, a depthwise one, a dense layer; weights and statistics are random."""
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((12, 12, 3), name="picture"),
        layers.Rescaling(1 / 127.5, offset=-1, name="scaled"),
        layers.Conv2D(8, 3, padding="same", strides=2, use_bias=False, name="stem"),
        layers.BatchNormalization(name="stem_bn"),
        layers.ReLU(6, name="stem_relu"),
        layers.DepthwiseConv2D(3, padding="same", name="block_1_depthwise"),
        layers.GlobalAveragePooling2D(name="pool"),
        layers.Dense(4, activation="softmax", name="scores"),
    ])  # fmt: skip
    norm = model.get_layer("stem_bn")
    norm.moving_mean.assign(keras.random.normal((8,), seed=2))
    norm.moving_variance.assign(keras.random.uniform((8,), 0.5, 2.0, seed=3))
    return model


@pytest.fixture(scope="session")
def files(classifier: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the classifier as `net.keras`, `net.h5` and the SavedModel `net`."""
    folder = tmp_path_factory.mktemp("keras")
    classifier.save(folder / "net.keras")
    classifier.save(folder / "net.h5")
    classifier.export(str(folder / "net"), verbose=False)
    return folder
