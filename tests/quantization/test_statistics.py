"""What is measured of a float network."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dlpuconv.errors import BackendError, CalibrationError
from dlpuconv.ir.affine import INT8
from dlpuconv.network import Range
from dlpuconv.quantization.ranges.choice import observed_ranges, observed_values
from dlpuconv.quantization.recipe import Observer
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import MinMax, Statistics, observe
from dlpuconv.quantization.statistics.softmax_rows import softmax_rows, told_apart
from dlpuconv.quantization.statistics.spreads import Spreads, spread_of
from tests.network.numpy_builder import Builder

if TYPE_CHECKING:
    from dlpuconv.network import Feed, Network, Value
    from tests.network.numpy_network import NumpyNetwork

type Floats = np.ndarray[Any, np.dtype[np.float32]]

SHAPE = (1, 6, 6, 4)
ROWS, LENGTH = 6, 8


def network(*, gated: bool = True) -> NumpyNetwork:
    """sigmoid(reshape(conv(x))); or, not gated, a hard swish instead and a layer behind it."""
    b = Builder()
    x = b.input("x", *SHAPE)
    weights = np.random.default_rng(0).normal(0, 0.5, (4, 3, 3, 4))
    flat = b.reshape("flat", b.conv("conv", x, weights, np.ones(4)), 1, 144)
    gate = b.curve("gate", flat, "sigmoid" if gated else "hard-swish")
    return b.network(gate if gated else b.dense("end", gate, np.ones((2, 144))))


def feeds(count: int = 5) -> list[dict[str, npt.NDArray[Any]]]:
    rng = np.random.default_rng(1)
    return [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(count)]


def named(net: Network, *names: str) -> list[Value]:
    return [v for v in net.values() if v.name in names]


def ranges(net: Network, statistics: Statistics, observer: Observer = Observer.ROBUST) -> dict[str, Range]:
    rows = zip(statistics.tensors, statistics.values[Spreads.name], strict=True)
    spreads = {name: spread_of(row) for name, row in rows}
    return observed_ranges(net, statistics.ranges(), spreads, observer, INT8)


def test_lowest_and_highest_values_are_those_of_the_network() -> None:
    net, data = network(), feeds()
    found = observe(net, named(net, "x", "conv"), data, [MinMax()]).ranges()
    conv = np.stack([np.array(next(iter(values))) for values in net.run(data, named(net, "conv"))])
    inputs = np.stack([f["x"] for f in data])
    assert found["x"] == Range(float(inputs.min()), float(inputs.max()))
    assert found["conv"] == Range(float(conv.min()), float(conv.max()))


def test_every_sample_is_told_of() -> None:
    net, seen = network(), []
    observe(net, observed_values(net), feeds(4), [MinMax()], lambda: seen.append(1))
    assert len(seen) == 4


def test_no_samples_are_an_error() -> None:
    net = network()
    with pytest.raises(BackendError, match="no calibration sample"):
        observe(net, observed_values(net), [], [MinMax()])


def test_a_value_that_is_not_a_number_is_named() -> None:
    net = network()
    bad = {"x": np.full(SHAPE, np.nan, np.float32)}
    with pytest.raises(CalibrationError, match=r"'x' is not finite"):
        observe(net, observed_values(net), [bad], [MinMax()]).ranges()


def test_a_sample_with_huge_values_does_not_decide_for_all() -> None:
    net, rng = network(gated=False), np.random.default_rng(2)
    ordinary: list[Feed] = [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(19)]
    huge = {"x": 40 * rng.normal(0, 1, SHAPE).astype(np.float32)}
    values = named(net, "conv")
    statistics = observe(net, values, [*ordinary, huge], [MinMax(), Spreads(20)])
    plain = observe(net, values, ordinary, [MinMax()]).ranges()["conv"]
    assert statistics.ranges()["conv"].width > 10 * plain.width
    assert ranges(net, statistics)["conv"].width < 2 * plain.width


def test_a_black_image_does_not_decide_for_all_either() -> None:
    net = network(gated=False)
    black = {"x": np.zeros(SHAPE, np.float32)}
    statistics = observe(net, named(net, "conv"), [*feeds(15), black], [MinMax(), Spreads(16)])
    assert ranges(net, statistics)["conv"].width > 0.7 * statistics.ranges()["conv"].width


@pytest.mark.parametrize("observer", [o for o in Observer if o is not Observer.MINMAX])
def test_no_observer_cuts_off_the_logits_of_a_final_sigmoid(observer: Observer) -> None:
    """One value in ten thousand is where a detector's detections are."""
    rare = {"x": feeds(1)[0]["x"].copy()}
    rare["x"][0, 2, 2] = 20.0
    for gated in (True, False):
        net = network(gated=gated)
        statistics = observe(net, named(net, "conv"), [*feeds(19), rare], [MinMax(), Spreads(20)])
        whole, found = statistics.ranges()["conv"], ranges(net, statistics, observer)["conv"]
        assert (found == whole) is gated
        assert found.high <= whole.high


def test_samples_of_zeros_do_not_outweigh_all_others_where_they_are_the_most() -> None:
    gauge = Spreads(3)
    gauge.start(1)
    loud = np.linspace(-1, 1, 64, dtype=np.float32)
    for sample in (np.zeros(64, np.float32), loud, np.zeros(64, np.float32)):
        gauge.update(0, sample)
    spread = spread_of(gauge.result()[0])
    assert np.isfinite(spread.weights).all()
    assert np.count_nonzero(spread.weights) > 32


def test_every_channel_is_looked_at_whatever_their_number() -> None:
    spreads = Spreads(1)
    spreads.start(1)
    values = np.zeros((1, 512, 512, 16), np.float32)
    values[..., 5] = 3.0
    spreads.update(0, values)
    spread = spread_of(spreads.result()[0])
    share = spread.weights[-1] / spread.weights.sum()
    assert share == pytest.approx(1 / 16, rel=0.1)


def test_channels_are_measured_one_by_one() -> None:
    net, data = network(), feeds()
    values = detailed_values(net)
    assert [v.name for v in values] == ["x", "conv"]
    table = observe(net, values, data, [Channels([v.channels for v in values])]).values[Channels.name]
    inputs = np.concatenate([f["x"].reshape(-1, 4) for f in data]).astype(np.float64)
    expected = [inputs.min(axis=0), inputs.max(axis=0), inputs.mean(axis=0), np.square(inputs).mean(axis=0)]
    assert np.allclose(Details.unpack(values, table, 5).channels["x"], np.stack(expected, axis=1), atol=1e-5)


def attention(mask: float) -> tuple[NumpyNetwork, Value]:
    """softmax(3 x + mask), the mask in the upper triangle; and what is masked."""
    b = Builder()
    upper = np.triu(np.full((1, ROWS, LENGTH), mask, np.float32), 1)
    masked = b.sum("masked", b.product("scaled", b.input("x", 1, ROWS, LENGTH), [3.0]), upper)
    return b.network(b.softmax("y", masked)), masked


def rows(count: int = 8) -> list[Feed]:
    rng = np.random.default_rng(3)
    return [{"x": rng.normal(0, 1, (1, ROWS, LENGTH)).astype(np.float32)} for _ in range(count)]


def by_hand(values: Floats) -> Floats:
    powers = np.exp(values.astype(np.float64) - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


@given(arrays.arrays(np.float32, (3, 16), elements=st.just(-(2.0**100)) | st.floats(-128, 128, width=32)))
def test_what_is_lifted_changes_no_output_of_a_softmax_by_more_than_a_quarter_of_a_step(values: Floats) -> None:
    lifted = told_apart(values, 16)
    assert np.abs(by_hand(lifted) - by_hand(values)).max() <= 1 / 1024 + 1e-6


def test_the_lowest_value_that_counts_lies_below_the_highest_of_its_row() -> None:
    values = np.array([[5.0, -100.0], [1.0, 0.0]], np.float32)
    edge = np.log(4 * 256 * 2)
    np.testing.assert_allclose(told_apart(values, 2), [[5, 5 - edge], [1, 0]], rtol=1e-6)


def test_only_what_nothing_but_a_softmax_reads_is_of_rows() -> None:
    b = Builder()
    x = b.curve("r", b.input("x", 1, ROWS * LENGTH), "hard-swish")
    moved = b.reshape("moved", x, 1, ROWS, LENGTH)
    y = b.softmax("y", moved)
    assert softmax_rows(b.network(y)) == {moved: LENGTH, x: LENGTH}
    assert softmax_rows(b.network(y, moved)) == {}


def test_means_are_of_all_values_and_distributions_of_what_is_told_apart() -> None:
    net, masked = attention(-1e4)
    found = observe(net, [masked], rows(), [MinMax(), Spreads(8), Channels([LENGTH])])
    assert found.values[MinMax.name][0, 0] > -40
    assert found.values[Spreads.name][0, 0] > -40
    assert found.values[Channels.name][:, 0].min() < -9000


def test_the_lowest_float_is_measured_without_a_warning() -> None:
    net, masked = attention(float(np.finfo(np.float32).min))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observe(net, [masked], rows(2), [MinMax(), Spreads(2), Channels([LENGTH])])
