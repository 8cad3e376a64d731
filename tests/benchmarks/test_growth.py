from __future__ import annotations

import pytest

from scripts.benchmarks.growth import exponent
from scripts.benchmarks.large_models import separable_network


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0])
def test_the_exponent_is_that_of_what_grows_whatever_does_not(power: float) -> None:
    extents = [10.0, 40.0, 160.0]
    assert exponent(extents, [7.0 + 0.2 * x**power for x in extents]) == pytest.approx(power, abs=1e-3)


def test_what_hardly_differs_does_not_grow() -> None:
    assert exponent([1.0, 4.0, 16.0], [100.0, 97.0, 103.0]) == 0.0


def test_what_begins_to_grow_late_is_as_steep_as_can_be() -> None:
    assert exponent([1.0, 4.0, 16.0], [5.0, 4.9, 9.0]) == 4.0


def test_the_work_of_a_made_network_is_what_its_weights_do_at_all_positions() -> None:
    model, work = separable_network(side=8, channels=2)
    weights = {t.name: t.dims for t in model.graph.initializer if len(t.dims) > 1}
    sizes = [int(dims[0] * dims[1] * (dims[2] * dims[3] if len(dims) == 4 else 1)) for dims in weights.values()]
    classifier = sizes[-1]
    assert work == 16 * (sum(sizes) - classifier) + classifier
