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

from dlpuconv.ir.affine import INT8
from dlpuconv.network import Range
from dlpuconv.quantization.ranges.choice import observed_ranges, observed_values
from dlpuconv.quantization.recipe import Observer
from dlpuconv.quantization.statistics import spreads
from dlpuconv.quantization.statistics.channels import Channels, Details, detailed_values
from dlpuconv.quantization.statistics.observe import MinMax, observe
from dlpuconv.quantization.statistics.seen import Seen
from dlpuconv.quantization.statistics.softmax_rows import softmax_rows, told_apart
from dlpuconv.quantization.statistics.spreads import Excerpts, spread_of
from tests.error_ids import raises_error
from tests.network.numpy_builder import Builder
from tests.quantization.support import measured, measured_ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def ranges(
    net: Network, values: list[Value], data: Sequence[Feed], observer: Observer = Observer.ROBUST
) -> dict[str, Range]:
    names, excerpts = [value.name for value in values], Excerpts(values, len(data))
    observe(net, values, data, [excerpts])
    found = dict(zip(names, map(spread_of, excerpts.rows(names, {})), strict=True))
    return observed_ranges(net, measured_ranges(net, values, data), found, observer, INT8)


def rows_of(samples: list[Floats], factors: Floats | None = None) -> npt.NDArray[np.float64]:
    """What excerpts of one activation's samples tell."""
    value = Builder().input("x", *samples[0].shape)
    excerpts = Excerpts([value], len(samples))
    excerpts.start(1)
    for values in samples:
        excerpts.update(0, Seen(values, value.channels))
    table = excerpts.rows(["x"], {} if factors is None else {"x": factors.astype(np.float64)})
    return np.asarray(table[0])


def test_lowest_and_highest_values_are_those_of_the_network() -> None:
    net, data = network(), feeds()
    found = measured_ranges(net, named(net, "x", "conv"), data)
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
    with raises_error("backend-no-samples"):
        observe(net, observed_values(net), [], [MinMax()])


def test_a_value_that_is_not_a_number_is_named() -> None:
    net = network()
    bad = {"x": np.full(SHAPE, np.nan, np.float32)}
    with raises_error("calibration-range-not-finite", "'x'"):
        measured_ranges(net, observed_values(net), [bad])


def test_a_sample_with_huge_values_does_not_decide_for_all() -> None:
    net, rng = network(gated=False), np.random.default_rng(2)
    ordinary: list[Feed] = [{"x": rng.normal(0, 1, SHAPE).astype(np.float32)} for _ in range(19)]
    huge: Feed = {"x": 40 * rng.normal(0, 1, SHAPE).astype(np.float32)}
    values, data = named(net, "conv"), [*ordinary, huge]
    plain = measured_ranges(net, values, ordinary)["conv"]
    assert measured_ranges(net, values, data)["conv"].width > 10 * plain.width
    assert ranges(net, values, data)["conv"].width < 2 * plain.width


def test_a_black_image_does_not_decide_for_all_either() -> None:
    net = network(gated=False)
    black: Feed = {"x": np.zeros(SHAPE, np.float32)}
    values, data = named(net, "conv"), [*feeds(15), black]
    assert ranges(net, values, data)["conv"].width > 0.7 * measured_ranges(net, values, data)["conv"].width


@pytest.mark.parametrize("observer", [o for o in Observer if o is not Observer.MINMAX])
def test_no_observer_cuts_off_the_logits_of_a_final_sigmoid(observer: Observer) -> None:
    """One value in ten thousand is where a detector's detections are."""
    rare = {"x": feeds(1)[0]["x"].copy()}
    rare["x"][0, 2, 2] = 20.0
    for gated in (True, False):
        net = network(gated=gated)
        values, data = named(net, "conv"), [*feeds(19), rare]
        whole, found = measured_ranges(net, values, data)["conv"], ranges(net, values, data, observer)["conv"]
        assert (found == whole) is gated
        assert found.high <= whole.high


def test_samples_of_zeros_do_not_outweigh_all_others_where_they_are_the_most() -> None:
    silent, loud = np.zeros((1, 64), np.float32), np.linspace(-1, 1, 64, dtype=np.float32)[None]
    spread = spread_of(rows_of([silent, loud, silent]))
    assert np.isfinite(spread.weights).all()
    assert np.count_nonzero(spread.weights) > 32


def test_every_channel_is_looked_at_whatever_their_number() -> None:
    values = np.zeros((1, 512, 512, 16), np.float32)
    values[..., 5] = 3.0
    spread = spread_of(rows_of([values]))
    share = spread.weights[-1] / spread.weights.sum()
    assert share == pytest.approx(1 / 16, rel=0.1)


@given(st.integers(1, 40), st.integers(1, 7), st.integers(0, 99))
def test_scaled_channels_are_distributed_as_if_they_were_measured_so(count: int, channels: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    samples = [rng.normal(0, 1, (1, 40, 40, channels)).astype(np.float32) for _ in range(count)]
    factors = np.exp2(rng.integers(-3, 4, channels)).astype(np.float32)  # exact in float32
    assert rows_of(samples, factors).tolist() == rows_of([sample * factors for sample in samples]).tolist()


def test_of_very_many_samples_some_in_a_row_share_their_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreads, "_VALUES_IN_ALL", 8)  # ends of 2 channels of 2 samples
    quiet, loud = (np.array([[[size, -size]] * 4], np.float32) for size in (1, 3))
    row = rows_of([quiet, loud, loud, loud])
    assert row[:5].tolist() == [-3.0, 3.0, 0.0, -3.0, 3.0]


def test_channels_are_measured_one_by_one() -> None:
    net, data = network(), feeds()
    values = detailed_values(net)
    assert [v.name for v in values] == ["x", "conv"]
    inputs = np.concatenate([f["x"].reshape(-1, 4) for f in data]).astype(np.float64)
    expected = [inputs.min(axis=0), inputs.max(axis=0), inputs.mean(axis=0), np.square(inputs).mean(axis=0)]
    assert np.allclose(measured(net, data).channels["x"], np.stack(expected, axis=1), atol=1e-5)


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
    ends, excerpts, channels = MinMax(), Excerpts([masked], 8), Channels([LENGTH])
    observe(net, [masked], rows(), [ends, excerpts, channels])
    assert ends.result()[0, 0] > -40
    assert excerpts.rows(["masked"], {})[0, 0] > -40
    assert channels.result()[:, 0].min() < -9000


def test_the_lowest_float_is_measured_without_a_warning() -> None:
    net, masked = attention(float(np.finfo(np.float32).min))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        observe(net, [masked], rows(2), [MinMax(), Excerpts([masked], 2), Channels([LENGTH])])


def test_where_samples_are_made_up_channels_reach_further_within_the_range_that_is_known() -> None:
    table = np.array([[-1.0, 2.0, 0.5, 1.0], [0.0, 0.5, 0.1, 0.2]])
    details = Details(channels={"a": table, "b": table}, evidence=0)
    reached = details.reaching({"a": Range(-1.5, 4.5)}).channels  # twice as wide as -1 to 2
    np.testing.assert_array_equal(reached["a"][:, :2], [[-1.5, 4.5], [0.0, 2.0]])  # 2 for that, and 2 for others
    np.testing.assert_array_equal(reached["a"][:, 2:], table[:, 2:])
    assert reached["b"] is table


def test_channels_that_never_come_near_zero_reach_further_away_from_it_only() -> None:
    details = Details(channels={"a": np.array([[1.0, 2.0, 0.5, 1.0], [-2.0, -1.0, 0.1, 0.2]])}, evidence=0)
    np.testing.assert_array_equal(
        details.reaching({"a": Range(-3, 8)}).channels["a"][:, :2], [[1.0, 8.0], [-3.0, -1.0]]
    )
