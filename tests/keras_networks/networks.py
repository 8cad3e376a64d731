"""The networks by name, with samples that they were settled on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.keras_networks.settled import settle, textures

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras

APPLICATIONS = {
    "MobileNet": 96, "MobileNetV2": 96, "MobileNetV3Small": 64, "MobileNetV3Large": 64, "EfficientNetB0": 64,
    "EfficientNetV2B0": 64, "ResNet50": 64, "ResNet50V2": 64, "DenseNet121": 64, "Xception": 71, "InceptionV3": 75,
    "InceptionResNetV2": 75, "NASNetMobile": 64, "VGG16": 32, "ConvNeXtTiny": 64,
}  # fmt: skip
"""Networks of `keras.applications`, and a small side that they take."""
_AS_PIXELS = ("MobileNetV3", "EfficientNet", "ConvNeXt")
"""Those that rescale their input themselves."""
HEADED = (
    "ssd", "unet", "deeplab", "autoencoder", "super_resolution", "pose", "squeezed", "lstm", "gru", "attention",
    "two_inputs",
)  # fmt: skip
_COUNT = 16


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A settled network.

    Attributes:
        model: its weights are made up, and the same each time.
        samples: one batch by input name, which its statistics were taken on.
    """

    model: keras.Model
    samples: dict[str, Any]


def network(name: str, side: int | None = None) -> Network:
    """Build one.

    Args:
        name: of `APPLICATIONS` or `HEADED`.
        side: of the picture in pixels; a small one by default.
    """
    import keras

    keras.utils.set_random_seed(1)
    model = _application(name, side) if name in APPLICATIONS else _headed(name, side)
    samples = {node.name: _samples(name, tuple(node.shape[1:])) for node in model.inputs}
    given = list(samples.values())
    return Network(settle(model, given if len(given) > 1 else given[0]), samples)


def _application(name: str, side: int | None) -> keras.Model:
    import keras

    side = side or APPLICATIONS[name]
    return getattr(keras.applications, name)(weights=None, input_shape=(side, side, 3), classes=40)


def _headed(name: str, side: int | None) -> keras.Model:
    from tests.keras_networks import heads

    recurrent = {kind.lower(): partial(heads.recurrent, kind) for kind in ("LSTM", "GRU")}
    make: Callable[..., keras.Model] = recurrent[name] if name in recurrent else getattr(heads, name)
    return make(side) if side else make()


def _samples(name: str, shape: tuple[int, ...]) -> Any:
    if len(shape) != 3:
        return np.random.default_rng(3).normal(size=(_COUNT, *shape)).astype(np.float32)
    pixels = textures(_COUNT, *shape)
    return pixels if name in HEADED or name.startswith(_AS_PIXELS) else pixels / 127.5 - 1.0
