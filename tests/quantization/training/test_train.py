from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.quantization.quantize import Quantized, quantize
from dlpuconv.quantization.stated.weights import StatedWeights
from dlpuconv.quantization.training.train import train, trainable
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import SCHEME, samples
from tests.quantization.techniques.tuned import as_measured, errors
from tests.quantization.training.coarse import MINMAX, key, network, quantized

if TYPE_CHECKING:
    from tests.network.numpy_network import NumpyNetwork

torch = pytest.importorskip("torch")


def nearest(network: NumpyNetwork) -> Quantized:
    return quantize(as_measured(network, samples(network, 24)), MINMAX, SCHEME)


def trained(start: Quantized, count: int = 24) -> Quantized:
    layers = train(start, trainable(start), realized, samples(start.network, count))
    return replace(start, layers=layers)


def squared_error(network: NumpyNetwork, made: Quantized) -> float:
    """On fresh samples."""
    return float(np.square(errors(network, made, samples(network, 24, seed=9))).mean())


@pytest.mark.slow
def test_training_brings_the_output_closer_to_the_source_on_fresh_samples() -> None:
    given = network()
    start = nearest(given)
    assert squared_error(given, trained(start)) < 0.8 * squared_error(given, start)


@pytest.mark.slow
def test_samples_that_saturate_spoil_nothing_for_the_others() -> None:
    given = network()
    start, feeds = nearest(given), samples(given, 24)
    feeds[5], feeds[10] = samples(given, 2, seed=5, high=10)
    made = replace(start, layers=train(start, trainable(start), realized, feeds))
    assert squared_error(given, made) < 0.8 * squared_error(given, start)


@pytest.mark.slow
def test_scales_and_activations_stay_and_torch_is_left_as_it_was() -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    start = nearest(network())
    made = trained(start)
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
    for one, other in zip(start.layers.values(), made.layers.values(), strict=True):
        assert one.affine == other.affine
        assert np.abs(other.weights.astype(int)).max() <= 127
    assert any(
        not np.array_equal(one.weights, other.weights)
        for one, other in zip(start.layers.values(), made.layers.values(), strict=True)
    )


@pytest.mark.slow
def test_what_held_out_samples_do_not_gain_from_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlpuconv.quantization.training.train._CODE_RATE", 50.0)
    start = nearest(network())
    assert dict(trained(start).layers) == dict(start.layers)


def test_layers_that_share_their_weights_keep_them() -> None:
    own, shared = np.random.default_rng(3).normal(size=(2, 2, 3, 3, 2))
    b = Builder()
    a = b.conv("a", b.input("x", 1, 4, 4, 2), own, np.zeros(2))
    given = b.network(b.conv("y", b.conv("b", a, shared, np.zeros(2)), shared, np.zeros(2)))
    start = nearest(given)
    kept = [one is other for one, other in zip(start.layers.values(), trained(start).layers.values(), strict=True)]
    assert kept == [False, True, True]


def test_layers_whose_codes_are_the_sources_keep_them() -> None:
    start = nearest(network())
    (first, made), *others = start.layers.items()
    start = replace(start, layers={first: replace(made, stated=StatedWeights(made.affine)), **dict(others)})
    kept = [one is other for one, other in zip(start.layers.values(), trained(start).layers.values(), strict=True)]
    assert kept == [True, False, False]


@pytest.mark.slow
def test_the_same_samples_give_the_same_bytes_again() -> None:
    assert key("trained") == key("trained")


@pytest.mark.slow
def test_another_process_makes_the_same_bytes_and_loads_torch_for_them_alone() -> None:
    code = """
import sys
from tests.quantization.training.coarse import key
key("learned")
assert "torch" not in sys.modules
print(key("trained"))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.stdout.strip() == key("trained"), done.stderr


def test_without_torch_the_rounding_stays_learned_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    made = quantized("trained")
    assert realized(made.quantized).key == key("learned")
    assert made.dropped == ("the rounding was learned, but not trained, as that needs PyTorch (dlpuconv[torch])",)
