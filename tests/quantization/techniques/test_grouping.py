from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from dlpuconv.decibel import Powers
from dlpuconv.ir.affine import INT8
from dlpuconv.quantization import Observer
from dlpuconv.quantization.quantizer import Quantizer
from dlpuconv.quantization.recipe_file import from_toml, to_toml
from dlpuconv.quantization.sites import LayerGroups, Proposal
from dlpuconv.quantization.techniques.grouping import _Rows, _ways
from tests.network.numpy_builder import Builder
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_CHANNEL, PER_TENSOR, SCHEME, given, outputs, samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from dlpuconv.quantization import Recipe
    from tests.network.numpy_network import NumpyNetwork

CHANNELS = 64
BOTH = (Observer.PERCENTILE, Observer.MINMAX)
RANDOM = np.random.default_rng(0)
RANGES = RANDOM.permutation(np.geomspace(1, 1e-3, CHANNELS))


def network(ranges: Any, drawn_as: Callable[[Any], Any] = np.asarray) -> NumpyNetwork:
    """Channels of these ranges, which a curve lets nobody equalize, and a depthwise layer that makes them alike."""
    b, by_row = Builder(), np.reshape(ranges, (-1, 1, 1, 1))
    x = b.input("x", 1, 6, 6, 16)
    random = np.random.default_rng(1)
    a = b.conv("a", x, drawn_as(random.normal(size=(CHANNELS, 1, 1, 16))) * by_row, np.zeros(CHANNELS))
    h = b.curve("h", a, "hard-swish")
    d = b.conv("d", h, drawn_as(random.normal(size=(CHANNELS, 3, 3, 1))) / by_row, np.zeros(CHANNELS), function="relu6")
    return b.network(b.conv("y", d, drawn_as(random.normal(size=(8, 1, 1, CHANNELS))), random.normal(size=8)))


def decibels(network: NumpyNetwork, quantizer: Quantizer, recipe: Recipe) -> float:
    integer, powers = realized(quantizer.quantize(recipe, SCHEME).quantized), Powers()
    for feed in samples(network, 4, seed=5):
        codes = {v.name: v.affine.encode(feed[v.name], INT8) for v in integer.inputs if v.affine}
        affine = integer.outputs[0].affine
        assert affine is not None
        powers.add(outputs(network, feed)[0], affine.decode(outputs(integer, codes)[0]))
    found = powers.decibels
    assert found is not None
    return found


def test_groups_bring_back_what_one_scale_for_all_loses() -> None:
    given_network = network(RANGES)
    quantizer = Quantizer(given_network, given(samples(given_network, 8)), realized)
    proposed = quantizer.propose(PER_TENSOR, SCHEME, Proposal.GROUPS)
    (groups,) = proposed.groups
    assert groups.layer == "a"
    assert np.bincount(groups.of).tolist() == [16, 16, 16, 16]
    means = [np.log(RANGES[np.equal(groups.of, group)]).mean() for group in range(4)]
    assert sorted(means) == means, "channels of like ranges are together"
    before, after = (decibels(given_network, quantizer, recipe) for recipe in (PER_TENSOR, proposed))
    assert after > before + 13
    assert after > decibels(given_network, quantizer, PER_CHANNEL), "activations between them have their own scales too"


def test_a_recipe_with_groups_is_replayed_from_its_file() -> None:
    given_network = network(RANGES)
    quantizer = Quantizer(given_network, given(samples(given_network, 8)), realized)
    proposed = quantizer.propose(replace(PER_TENSOR, equalize=True), SCHEME, Proposal.GROUPS)
    other = Quantizer(given_network, given(samples(given_network, 8)), realized)
    outcomes = [q.quantize(r, SCHEME) for q, r in ((quantizer, proposed), (other, from_toml(to_toml(proposed))))]
    assert len({realized(outcome.quantized).key for outcome in outcomes}) == 1
    facts: Any = outcomes[0].facts["grouping"]
    assert facts["layers"] == {"a": 4}
    assert facts["moved"] == ["a", "h", "d"]
    assert facts["float_agreement_db"] > 100


def test_only_what_saturates_in_the_whole_saturates_in_a_part() -> None:
    given_network = network(RANGES)
    quantizer = Quantizer(given_network, given(samples(given_network, 8)), realized)
    narrow = replace(PER_TENSOR, observer=Observer.PERCENTILE)
    of = tuple(int(row) for row in np.median(RANGES) > RANGES)
    whole, parts = (
        {v.name: affine.scale for v, affine in outcome.quantized.plan.scales.items()}
        for outcome in (
            quantizer.quantize(narrow, SCHEME),
            quantizer.quantize(replace(narrow, groups=(LayerGroups("a", of),)), SCHEME),
        )
    )
    assert parts["a/group 1 of 2"] == whole["a"], "the channels with the widest ranges"
    held = [quantizer.quantize(replace(PER_TENSOR, observer=o, groups=(LayerGroups("a", of),)), SCHEME) for o in BOTH]
    scales = [{v.name: s.scale for v, s in each.quantized.plan.scales.items()}["a/group 2 of 2"] for each in held]
    assert scales[0] == scales[1], "nothing of the small ones is cut off"


def test_layers_whose_channels_are_alike_stay_whole() -> None:
    given_network = network(np.ones(CHANNELS), lambda rows: np.broadcast_to(rows[:1], rows.shape))
    quantizer = Quantizer(given_network, given(samples(given_network, 8)), realized)
    assert quantizer.propose(PER_TENSOR, SCHEME, Proposal.GROUPS) == PER_TENSOR


def test_layers_with_a_scale_for_each_channel_stay_whole() -> None:
    given_network = network(RANGES)
    quantizer = Quantizer(given_network, given(samples(given_network, 8)), realized)
    assert quantizer.propose(PER_CHANNEL, SCHEME, Proposal.GROUPS) == PER_CHANNEL


positive = st.lists(st.floats(1e-3, 1.0), min_size=24, max_size=24).map(np.array)


@settings(max_examples=30, deadline=None)
@drawn(positive, positive)
def test_no_other_cut_into_as_many_groups_makes_less_noise(steps: Any, heard: Any) -> None:
    rows, order = _Rows(steps, heard), np.argsort(steps, kind="stable")
    for way in _ways([rows], order):
        others = combinations(range(8, 24, 8), len(way.ends) - 1)
        least = min(noise(rows, order, [*ends, 24]) for ends in others)
        assert np.isclose(way.noise, least)
        assert np.isclose(way.noise, noise(rows, order, list(way.ends)))


def noise(rows: _Rows, order: Any, ends: list[int]) -> float:
    parts = np.split(order, ends[:-1])
    return sum(float(rows.steps[part].max() ** 2 * rows.heard[part].sum()) for part in parts)
