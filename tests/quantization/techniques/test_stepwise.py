from __future__ import annotations

import numpy as np
import pytest

from dlpuconv.network import Constants
from dlpuconv.quantization.quantize import quantize
from dlpuconv.quantization.techniques.stepwise import Stepwise, codes_of, reals_of
from dlpuconv.quantization.tuned import Tuned
from tests.network.examples import separable
from tests.network.numpy_integer import realized
from tests.quantization.support import PER_CHANNEL, SCHEME, measured, outputs, samples
from tests.quantization.techniques.networks import bias


def test_nodes_one_by_one_give_what_the_whole_network_gives() -> None:
    network = separable()
    feeds = samples(network, 3)
    run = Stepwise(network, feeds)
    while run.node is not None:
        run.step()
    for index, feed in enumerate(feeds):
        assert np.allclose(run.real(network.outputs[0], index), outputs(network, feed)[0], atol=1e-6)


def test_where_nothing_is_changed_every_activation_is_what_it_is_one_by_one() -> None:
    network = separable()
    feeds = samples(network, 3)
    one, ahead = Stepwise(network, feeds), Stepwise(network, feeds, changing=False)
    for node in network.nodes:
        one.step_to(node)
        ahead.step_to(node)
        for value in node.activations:
            assert np.allclose(ahead.real(value, 2), one.real(value, 2), atol=1e-6)


def test_so_they_do_in_codes() -> None:
    network = separable()
    feeds = samples(network, 3)
    details = measured(network, feeds)
    ranges = {name: details.range_of(name) for name in details.channels}
    integer = realized(quantize(Tuned(network=network, ranges=ranges), PER_CHANNEL, SCHEME))
    run = Stepwise(integer, feeds[:1])
    while run.node is not None:
        run.step()
    (codes,) = outputs(integer, {v.name: codes_of(np.asarray(feeds[0][v.name]), v) for v in integer.inputs})
    (out,) = integer.outputs
    assert np.array_equal(run.real(out, 0), reals_of(codes.astype(np.float32), out))
    assert run.mean(out) == pytest.approx(reals_of(codes.astype(np.float64), out).mean(axis=(0, 1, 2)))


def test_a_node_that_is_changed_before_its_turn_runs_with_its_new_constants() -> None:
    network = separable()
    feeds = samples(network, 2)
    plain, changed = Stepwise(network, feeds), Stepwise(network, feeds)
    for run in (plain, changed):
        run.step_to(network.nodes[2])
    changed.change(Constants(bias=bias(network, 2) + 1.5))
    for run in (plain, changed):
        run.step()
    made = network.nodes[2].output
    assert np.allclose(changed.real(made, 1), plain.real(made, 1) + 1.5, atol=1e-6)
    assert changed.node is network.nodes[3]
    assert np.array_equal(bias(changed.network, 2), bias(network, 2) + np.float32(1.5))


def test_what_nobody_reads_any_more_is_forgotten() -> None:
    network = separable()
    run = Stepwise(network, samples(network, 1))
    run.step()
    with pytest.raises(KeyError):
        run.real(network.inputs[0], 0)
    run.step()
    assert run.real(network.nodes[0].output, 0).shape == network.nodes[0].output.shape, "the sum reads it too"
