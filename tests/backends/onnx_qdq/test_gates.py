from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlpuconv.ir import Model
from dlpuconv.network import CannotError
from dlpuconv.quantization.sites import Gate
from dlpuconv.quantization.techniques.gates import scale_gates
from tests.backends.onnx_qdq.examples import network
from tests.backends.onnx_qdq.models import model
from tests.network.contract import values_of
from tests.quantization.support import measured, samples

SILU = "g = Sigmoid(a) y = Mul(a, g)"
HARD_SWISH = "y = HardSwish(a)"


def gated(form: str, seed: int = 0) -> Model:
    """A convolution from x to a, its gated form y, and a convolution to z."""
    random = np.random.default_rng(seed)
    constants = {
        "w": random.normal(0, 6, (3, 2, 1, 1)),
        "b": random.normal(0, 2, 3),
        "v": random.normal(0, 1, (2, 3, 3, 3)),
        "c": random.normal(0, 1, 2),
    }
    text = (
        f"(float[1,2,4,4] x) => (float[1,2,4,4] z) {{ a = Conv(x, w, b) {form} z = Conv<pads = [1,1,1,1]>(y, v, c) }}"
    )
    return model(text, {name: values.astype(np.float32) for name, values in constants.items()})


@given(
    form=st.sampled_from([SILU, HARD_SWISH]),
    seed=st.integers(0, 999),
    steps=st.lists(st.integers(-24, 24), min_size=3, max_size=3),
)
@settings(max_examples=20, deadline=None)
def test_a_network_with_other_factors_at_its_gates_computes_the_same(form: str, seed: int, steps: list[int]) -> None:
    before = network(gated(form, seed))
    feeds = samples(before, 4, seed, low=-1.0)
    after = scale_gates(before, [Gate("y", tuple(steps))], measured(before, feeds)).network
    for feed in feeds:
        (exact,), (found,) = (values_of(n, feed, n.outputs) for n in (before, after))
        assert np.allclose(found, exact, atol=1e-4 * max(np.abs(exact).max(), 1.0))


@pytest.mark.parametrize(
    ("form", "kinds"),
    [(SILU, ["Conv", "Conv", "Sigmoid", "Mul", "Conv"]), (HARD_SWISH, ["Conv", "Conv", "Mul", "Conv"])],
)
def test_a_gate_gets_a_depthwise_layer_and_all_is_integer(form: str, kinds: list[str]) -> None:
    before = network(gated(form))
    made, _ = before.with_gates(list(before.gates()))
    assert [node.kind for node in made.nodes] == kinds


def test_a_gate_that_is_not_there_is_refused_by_name() -> None:
    before = network(gated(SILU))
    with pytest.raises(CannotError, match="'z' has no gate"):
        before.with_gates(list(before.outputs))
