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


@pytest.mark.parametrize("form", [SILU, HARD_SWISH])
def test_a_gate_that_has_a_layer_of_its_own_already_is_scaled_as_if_it_got_it_now(form: str) -> None:
    before = network(gated(form))
    feeds = samples(before, 20, 0, low=-1.0)
    separate, _ = before.with_gates(list(before.gates()))
    assert separate.with_gates(list(separate.gates()))[0].graph.nodes == separate.graph.nodes
    gate = Gate("y", (0, 8, 16))
    made, wanted = (scale_gates(each, [gate], measured(each, feeds)) for each in (separate, before))
    for ours, theirs in zip(made.network.nodes, wanted.network.nodes, strict=True):
        if ours.layer is not None and theirs.layer is not None:
            assert np.allclose(ours.layer.weights, theirs.layer.weights, rtol=1e-6)  # type: ignore[arg-type]
    assert made.details.channels["a"] == pytest.approx(wanted.details.channels["a"], rel=1e-4)  # what is below the edge


def test_a_gate_that_is_not_there_is_refused_by_name() -> None:
    before = network(gated(SILU))
    with pytest.raises(CannotError, match="'z' has no gate"):
        before.with_gates(list(before.outputs))
