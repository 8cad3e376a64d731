from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.decibel import SampleRatios
from dlpuconv.quantization.score import Score

DECIBELS = st.lists(st.floats(-20, 60), min_size=4, max_size=24)


def score(*outputs: list[float], passes: bool = True, metric: float | None = None) -> Score:
    """Of outputs whose samples all weigh the same."""
    ratios = tuple(SampleRatios(tuple(each), (1.0,) * len(each)) for each in outputs)
    worst = min(float(np.mean(each)) for each in outputs)
    return Score(typical_db=worst, sqnr_db=worst, cosine=1.0, passes=passes, metric=metric, outputs=ratios)


def test_what_is_better_on_every_sample_is_better() -> None:
    hard = [10.0, 40.0, 25.0, 31.0, 12.0]  # samples differ by far more than the two recipes do
    assert score([each + 0.5 for each in hard]).beats(score(hard))
    assert not score(hard).beats(score([each + 0.5 for each in hard]))


def test_what_one_sample_in_ten_speaks_for_cannot_be_told_apart() -> None:
    same, lucky = [20.0] * 10, [20.0] * 9 + [35.0]
    assert score(lucky).is_like(score(same))
    assert not score(lucky).beats(score(same))


def test_a_gain_that_is_certain_but_small_replaces_nothing() -> None:
    assert not score([20.05] * 10).is_like(score([20.0] * 10))
    assert not score([20.05] * 10).beats(score([20.0] * 10))


def test_the_worst_output_counts_before_the_others() -> None:
    assert score([10.0] * 8, [20.0] * 8).beats(score([9.0] * 8, [45.0] * 8))


def test_the_others_count_where_the_worst_is_the_same() -> None:
    assert score([10.0] * 8, [20.0] * 8).beats(score([10.0] * 8, [12.0] * 8))


def test_what_fails_never_replaces_what_passes() -> None:
    assert not score([40.0] * 8, passes=False).beats(score([10.0] * 8))
    assert score([10.0] * 8).beats(score([40.0] * 8, passes=False))


def test_a_metric_decides_before_decibels() -> None:
    assert score([10.0] * 8, metric=0.9).beats(score([20.0] * 8, metric=0.8))
    assert score([20.0] * 8, metric=0.9).beats(score([10.0] * 8, metric=0.9))


@given(DECIBELS)
def test_nothing_is_better_than_itself(decibels: list[float]) -> None:
    assert score(decibels).is_like(score(decibels))


@given(DECIBELS)
def test_of_two_at_most_one_is_better(decibels: list[float]) -> None:
    other = list(np.array(decibels)[::-1])
    assert not (score(decibels).beats(score(other)) and score(other).beats(score(decibels)))


def test_the_same_draws_are_made_for_every_comparison() -> None:
    noisy = np.random.default_rng(3).normal(20, 3, (2, 12)).tolist()
    one, other = score(noisy[0]), score(noisy[1])
    assert [one.beats(other) for _ in range(3)] == [one.beats(other)] * 3
