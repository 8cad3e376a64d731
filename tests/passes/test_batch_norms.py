"""What batch normalizations tell of activations."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import normalize
from dlpuconv.passes.batch_norms import known_moments
from tests.passes.rewriting import floats, model, random, samples

GRAPH = """
(float[1, 3, 8, 8] x) => (float[1, 2, 8, 8] z) {
    y = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, w)
    n = BatchNormalization <epsilon = 1.0> (y, gamma, beta, mu, var)
    z = Relu (n)
}
"""


def test_the_mean_is_beta_and_the_deviation_is_gamma_but_for_epsilon() -> None:
    """Variances 3 and 0 with epsilon 1: 2 sqrt(3 / 4), and 0 for a channel that never moved."""
    source = model(
        GRAPH, w=random(2, 3, 3, 3), gamma=floats(-2, 5), beta=floats(0.5, -1), mu=floats(7, 8), var=floats(3, 0)
    )
    normal, _ = normalize(source)
    assert [node.op_type for node in normal.graph.graph] == ["Conv", "Relu"]
    found = known_moments(source, normal, samples(source))
    assert list(found) == ["n"]
    assert found["n"].mean == pytest.approx([0.5, -1])
    assert found["n"].deviation == pytest.approx([2 * np.sqrt(3 / 4), 0])


def test_a_name_that_stands_for_other_values_by_now_tells_nothing() -> None:
    constants = {"gamma": floats(1, 2), "beta": floats(0, 1), "mu": floats(0, 0), "var": floats(1, 1)}
    weights = random(2, 3, 3, 3)
    source = model(GRAPH, w=weights, **constants)
    other, _ = normalize(model(GRAPH, w=weights[::-1].copy(), **constants))
    assert known_moments(source, other, samples(source)) == {}


def test_a_network_without_normalizations_tells_nothing() -> None:
    source = model("(float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) { y = Relu (x) }")
    assert known_moments(source, source, samples(source)) == {}
