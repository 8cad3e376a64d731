"""Networks of Keras, as TensorFlow's own converter writes them: they are read, and computed as LiteRT computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.formats.litert_runner import LiteRtRunner
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.passes.normal_form import normalize
from dlpuconv_backends.lowering import lower
from tests.frontends.tflite.files import imported

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow

NETWORKS = ["ssd", "unet", "deeplab", "squeezed", "attention", "MobileNetV3Small"]
TRANSPOSED = {"attention": 4}
"""How many transpositions the network itself asks for; none of the others does."""


@pytest.fixture(scope="module")
def made() -> Callable[..., tuple[bytes, dict[str, Any]]]:
    """Makes a network's float file, and one sample for it by input name."""
    tf = pytest.importorskip("tensorflow")
    from tests.keras_networks.networks import network

    def make(name: str, **options: Any) -> tuple[bytes, dict[str, Any]]:
        built = network(name)
        converter = tf.lite.TFLiteConverter.from_keras_model(built.model)
        if options.get("half"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert(), {key: value[:1] for key, value in built.samples.items()}

    return make


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_of_keras_computes_what_litert_computes_and_keeps_its_layout(
    made: Callable[..., tuple[bytes, dict[str, Any]]], name: str
) -> None:
    _compare(*made(name), transposed=TRANSPOSED.get(name, 0))


def test_one_with_weights_in_half_precision_does(made: Callable[..., tuple[bytes, dict[str, Any]]]) -> None:
    _compare(*made("unet", half=True))


def _compare(content: bytes, sample: dict[str, Any], transposed: int = 0) -> None:
    model, file = imported(content), LiteRtRunner(content)
    assert model.original is not None
    ports = dict(zip(file.inputs, model.original.inputs, strict=True))
    assert set(ports.values()) == set(sample)
    expected = file.run({port: sample[name] for port, name in ports.items()}).values()
    got = OrtRunner(model.split()).run(sample).values()
    for wanted, values in zip(expected, got, strict=True):
        assert values.shape == wanted.shape
        noise = np.square(values.astype(np.float64) - wanted.astype(np.float64)).sum()
        assert noise <= 1e-9 * np.square(wanted.astype(np.float64)).sum()
    normal, _ = normalize(model)
    lowered = lower(normal, layouts={})
    assert [op.kind for op in lowered.graph.operators].count("TRANSPOSE") == transposed
    assert all(list(axes) == sorted(axes) for axes in lowered.input_permutations.values())
