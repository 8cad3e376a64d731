from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.ir import Model
from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import Detour
from dlpuconv.quantization.techniques.detours import choose_detours, take_detours
from tests.backends.onnx_qdq.examples import network
from tests.backends.onnx_qdq.models import model
from tests.network.contract import values_of
from tests.quantization.support import measured, samples


def branching(seed: int = 0, smaller: float = 1.0) -> Model:
    """A convolution from x to a, the square of a's softmax, and a convolution of a to z, where small channels count."""
    random = np.random.default_rng(seed)
    sizes = np.array([smaller, 1.0, 1.0])
    constants = {
        "w": random.normal(0, 2, (3, 2, 1, 1)) * sizes[:, None, None, None],
        "b": random.normal(0, 1, 3) * sizes,
        "v": random.normal(0, 1, (2, 3, 3, 3)) / sizes[:, None, None],
        "c": random.normal(0, 1, 2),
    }
    text = (
        "(float[1,2,4,4] x) => (float[1,2,4,4] z, float[1,3,4,4] q) { a = Conv(x, w, b) s = Softmax<axis = 1>(a) "
        "q = Mul(s, s) z = Conv<pads = [1,1,1,1]>(a, v, c) }"
    )
    return model(text, {name: values.astype(np.float32) for name, values in constants.items()})


@given(seed=st.integers(0, 999), readers=st.sets(st.integers(0, 1), min_size=1))
@settings(max_examples=20, deadline=None)
def test_a_network_with_detours_computes_the_same(seed: int, readers: set[int]) -> None:
    before = network(branching(seed))
    after = take_detours(before, [Detour("a", tuple(sorted(readers)))]).network
    for feed in samples(before, 2, seed, low=-1.0):
        pairs = zip(values_of(after, feed, after.outputs), values_of(before, feed, before.outputs), strict=True)
        assert all(np.allclose(found, exact, atol=1e-5) for found, exact in pairs)


def test_readers_that_take_a_detour_share_its_layer() -> None:
    made = take_detours(network(branching()), [Detour("a", (0, 1))]).network
    assert [node.output.name for node in made.nodes if node.layer] == ["a", "a/detour", "z"]
    assert [node.input(0).name for node in made.nodes if node.kind == "Conv"] == ["x", "a", "a/detour"]


def test_a_reader_that_holds_small_channels_back_gets_a_detour() -> None:
    before = network(branching(smaller=1 / 64))
    (detour,) = choose_detours(before, measured(before, samples(before, 8, 0, low=-1.0)))
    assert detour.site == "a"
    assert len(detour.readers) == 1


def test_what_is_no_map_is_refused_by_name() -> None:
    flat = network(model("(float[1,2] x) => (float[1,2] z) { a = Relu(x) s = Softmax(a) z = Mul(a, s) }", {}))
    with pytest.raises(CannotError, match="'a' is not a map of features"):
        take_detours(flat, [Detour("a", (0,))])
