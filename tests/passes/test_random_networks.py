"""The whole list on random networks: rewrites that are right alone must be right together."""

from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.passes import normalize
from dlpuconv.passes.normal_form import MAX_ROUNDS
from tests.passes.random_networks import Network
from tests.passes.rewriting import assert_equal, assert_valid, run, samples


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 400, 20))
def test_random_networks_keep_their_numbers_and_stay_in_normal_form(start: int) -> None:
    for seed in range(start, start + 20):
        source = Network(seed).build()
        feed = samples(source)
        if not all(np.isfinite(y).all() for y in run(source, feed)):
            continue
        normal, report = normalize(source)
        assert_valid(source, normal)
        assert_equal(source, normal, feed, 95)
        assert report.rounds < MAX_ROUNDS, f"seed {seed}"
        _, again = normalize(normal)
        assert [entry.name for entry in again.passes if entry.fired] == [], f"seed {seed}"
