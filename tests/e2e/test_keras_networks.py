"""Keras networks of real architectures: the file, the SavedModel and the .tflite of one become one integer file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import dlpuconv
from dlpuconv.frontends import SourceOptions, load
from scripts.benchmarks.shared import decibels
from tests.keras_networks.networks import network
from tests.keras_networks.sources import answers, float_graph, integers, kinds, run, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keras_networks.networks import Network

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras's own
]
pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")

SMALL = ("ssd", "unet", "deeplab", "two_inputs", "squeezed", "attention")
LAYERS = (
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "TRANSPOSE_CONV",
    "MEAN",
    "SOFTMAX",
    "HARD_SWISH",
    "TRANSPOSE",
)
"""Where ours and TFLiteConverter's may not differ; `attention` transposes its heads."""


def converted(made: Network, path: Path) -> bytes:
    names = [spec.name for spec in load(path, SourceOptions()).signature.inputs]
    samples = dict(zip(names, made.samples.values(), strict=True))
    (artifact,) = dlpuconv.convert(path, target="artpec8", calibration=samples, effort="fast", cache=False).artifacts
    return bytes(artifact.content)


@pytest.mark.parametrize("name", SMALL)
def test_every_file_of_a_keras_network_becomes_the_same_integers(name: str, tmp_path: Path) -> None:
    from dlpuconv_backends.flatbuffer import encode

    made = network(name)
    files, expected = write(made, tmp_path), answers(made)
    theirs = kinds(files["tflite"].read_bytes())
    for path in files.values():
        graph = float_graph(load(path, SourceOptions()))
        for wanted, got in zip(expected, run(encode(graph), list(made.samples), made), strict=True):
            assert wanted.shape == got.shape
            assert decibels(wanted, got) >= 90
        ours = [op.kind for op in graph.operators]
        assert {kind: ours.count(kind) for kind in LAYERS} == {kind: theirs.count(kind) for kind in LAYERS}
    assert integers(converted(made, files["keras"])) == integers(converted(made, files["saved"]))


def test_made_up_weights_are_the_same_each_time() -> None:
    for one, other in zip(network("ssd").model.get_weights(), network("ssd").model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
