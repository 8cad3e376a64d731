"""What tf2onnx does not know by itself of Keras's networks: as a Keras file and as a SavedModel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.frontends import SourceOptions, load
from tests.frontends.tensorflow.test_models import run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,  # TensorFlow takes seconds to load
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras's own
]


@pytest.fixture(scope="module")
def networks(keras: Any) -> dict[str, Any]:
    layers = keras.layers
    image = keras.Input((8, 8, 8), name="image")
    numbers = layers.Normalization(mean=[0.5] * 8, variance=[2.0] * 8)(image)
    return {
        "a grouped convolution": keras.Model(image, layers.Conv2D(16, 3, groups=4, padding="same")(image)),
        "an error function's complement": keras.Model(image, layers.Activation("gelu")(image)),
        "a mean that a layer holds": keras.Model(image, numbers),
        "a logarithm of one more": keras.Model(image, keras.ops.log1p(keras.ops.abs(image))),
    }


@pytest.mark.parametrize(
    "name",
    [
        "a grouped convolution",
        "an error function's complement",
        "a mean that a layer holds",
        "a logarithm of one more",
    ],
)
def test_it_is_computed_as_keras_computes_it(name: str, networks: dict[str, Any], tmp_path: Path) -> None:
    network = networks[name]
    network.save(tmp_path / "net.keras")
    network.export(str(tmp_path / "net"), verbose=False)
    values = np.random.default_rng(4).normal(size=(1, 8, 8, 8)).astype(np.float32)
    expected = np.asarray(network(values, training=False))
    for form in ("net.keras", "net"):
        model = load(tmp_path / form, SourceOptions())
        (spec,) = model.signature.inputs
        (got,) = run(model, **{spec.name: values})
        np.testing.assert_allclose(got, expected, atol=1e-5)
