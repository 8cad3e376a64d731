"""Calibration draws, metrics by how often each sample counts, and the paired bootstrap."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.benchmarks.metrics import average_precision, measure_of
from scripts.benchmarks.resampling import Interval, are_disjoint, calibration_draws, paired_bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

ONCE = np.ones(2)
BOX = [0.0, 0.0, 10.0, 10.0]
FAR = [50.0, 50.0, 60.0, 60.0]


def mean_of(*scores: float) -> Any:
    return lambda weights: float(weights @ np.array(scores) / weights.sum())


def iou(a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
    """One where boxes are equal, zero elsewhere: all that these tests have."""
    return np.array([[float(np.array_equal(one, other)) for other in b] for one in a]).reshape(len(a), len(b))


def detections(*rows: tuple[float, list[float]]) -> NDArray[Any]:
    """Of class 0."""
    return np.array([[0.0, score, *box] for score, box in rows]).reshape(-1, 6)


def labels(*boxes: list[float]) -> NDArray[Any]:
    return np.array([[0.0, *box] for box in boxes]).reshape(-1, 5)


@given(st.integers(1, 400), st.integers(1, 120), st.integers(1, 6))
def test_every_draw_is_of_what_there_is_and_never_larger_than_asked(available: int, samples: int, draws: int) -> None:
    drawn = calibration_draws(available, samples, draws)
    assert len(drawn) == draws
    for draw in drawn:
        assert len(draw) <= samples
        assert np.all((draw >= 0) & (draw < available))
        assert len(np.unique(draw)) == len(draw)


@given(st.integers(1, 60), st.integers(1, 6), st.integers(0, 50))
def test_draws_are_disjoint_and_full_where_there_are_enough(samples: int, draws: int, more: int) -> None:
    drawn = calibration_draws(samples * draws + more, samples, draws)
    assert are_disjoint(drawn)
    assert {len(draw) for draw in drawn} == {samples}


def test_draws_that_must_overlap_each_leave_out_a_fifth_of_their_own() -> None:
    drawn = calibration_draws(10, 100, 3)
    assert not are_disjoint(drawn)
    assert [sorted(set(range(10)) - set(draw.tolist())) for draw in drawn] == [[0, 5], [1, 6], [2, 7]]


def test_one_draw_is_spread_over_all_there_is() -> None:
    assert calibration_draws(9, 3, 1)[0].tolist() == [0, 4, 8]


def test_what_is_the_same_on_every_sample_has_no_interval() -> None:
    found = paired_bootstrap([mean_of(1.0, 0.0, 1.0)], mean_of(0.5, -0.5, 0.5), 3)
    assert found == Interval(0.5, 0.5, 0.5)


def test_the_difference_is_of_the_mean_over_draws() -> None:
    found = paired_bootstrap([mean_of(1.0, 1.0), mean_of(0.0, 0.0)], mean_of(0.25, 0.25), 2)
    assert found == Interval(0.25, 0.25, 0.25)


def test_the_interval_is_the_one_of_a_normal_mean() -> None:
    scores = np.random.default_rng(1).normal(0.3, 1.0, 400)
    found = paired_bootstrap([mean_of(*scores)], mean_of(*np.zeros(400)), 400, 2000)
    reach = 1.96 * scores.std() / 20
    assert (found.low, found.high) == pytest.approx((scores.mean() - reach, scores.mean() + reach), abs=0.01)
    assert not found.holds_zero


def test_the_same_resamples_are_taken_each_time() -> None:
    one, other = (paired_bootstrap([mean_of(1.0, 0.0, 0.0, 1.0)], mean_of(0.0, 1.0, 0.0, 0.0), 4) for _ in range(2))
    assert one == other
    assert one.holds_zero


def test_precision_falls_with_each_wrong_detection_in_front() -> None:
    # right (recall 1/2, precision 1), wrong, right (recall 1, precision 2/3): 1/2 * 1 + 1/2 * 2/3
    found = [detections((0.9, BOX), (0.8, FAR)), detections((0.7, BOX))]
    measure = average_precision(found, [labels(BOX), labels(BOX)], iou)
    assert measure(ONCE) == pytest.approx(5 / 6)
    assert measure(np.array([1.0, 0.0])) == 1
    # The second image twice: three to find; right, wrong, right, right: 1/3 * 1 + 2/3 * 3/4
    assert measure(np.array([1.0, 2.0])) == pytest.approx(5 / 6)
    # The first image twice: right, right, wrong, wrong, right: 2/3 * 1 + 1/3 * 3/5
    assert measure(np.array([2.0, 1.0])) == pytest.approx(13 / 15)


def test_a_box_is_found_once() -> None:
    measure = average_precision([detections((0.9, BOX), (0.8, BOX))], [labels(BOX, FAR)], iou)
    assert measure(np.ones(1)) == 0.5


def test_a_box_that_is_too_thin_is_neither_asked_for_nor_wrong_to_find() -> None:
    thin = [0.0, 0.0, 2.0, 10.0]
    measure = average_precision([detections((0.9, thin), (0.8, BOX))], [labels(thin, BOX)], iou, smallest=8)
    assert measure(np.ones(1)) == 1


def test_a_class_that_is_not_in_the_resample_does_not_count() -> None:
    other = np.array([[1.0, *BOX]])
    measure = average_precision([detections((0.9, BOX)), detections()], [labels(BOX), other], iou)
    assert measure(ONCE) == 0.5
    assert measure(np.array([1.0, 0.0])) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=1, max_size=12))
def test_weights_are_copies_of_images(rows: list[tuple[int, bool, int]]) -> None:
    found = [detections((score + at / 100, BOX if right else FAR)) for at, (score, right, _) in enumerate(rows)]
    truth = [labels(BOX) for _ in rows]
    times = np.array([float(times) for *_, times in rows])
    copied = [at for at, (*_, times) in enumerate(rows) for _ in range(times)]
    weighted = average_precision(found, truth, iou)(times)
    assert average_precision([found[i] for i in copied], [truth[i] for i in copied], iou)(
        np.ones(len(copied))
    ) == pytest.approx(weighted)


def test_a_mean_of_scores_is_found_whatever_its_name() -> None:
    task = SimpleNamespace(METRIC="share", score=lambda outputs, y: float((outputs[0].argmax(1) == y).mean()))
    measure = measure_of(task, [np.array([[0.0, 1.0], [1.0, 0.0]])], np.array([1, 1]))
    assert measure(ONCE) == 0.5
    assert measure(np.array([3.0, 1.0])) == 0.75


def test_intersection_over_union_adds_pixels_up_before_it_divides() -> None:
    def score(outputs: list[NDArray[Any]], y: NDArray[Any]) -> float:
        found, known = outputs[0].argmax(1), y != 255
        shares = [
            ((found == label) & (y == label) & known).sum() / (((found == label) | (y == label)) & known).sum()
            for label in (0, 1)
        ]
        return float(np.mean(shares))

    outputs = np.zeros((2, 2, 1, 2))
    outputs[:, 1] = [[[1, 1]], [[-1, 1]]]  # both pixels are 1; the second alone is
    truth = np.array([[[1, 0]], [[255, 1]]])
    measure = measure_of(SimpleNamespace(METRIC="mIoU", score=score), [outputs], truth)
    assert measure(ONCE) == pytest.approx((0 / 1 + 2 / 3) / 2)
    assert measure(np.array([1.0, 2.0])) == pytest.approx((0 / 1 + 3 / 4) / 2)


def test_a_metric_that_is_not_a_mean_is_refused() -> None:
    task = SimpleNamespace(METRIC="largest", score=lambda outputs, _: float(outputs[0].max()))
    with pytest.raises(ValueError, match=r"largest is 2\.0 by the task and 1\.5 here"):
        measure_of(task, [np.array([1.0, 2.0])], np.zeros(2))
