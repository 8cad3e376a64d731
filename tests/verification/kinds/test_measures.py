"""What each kind is measured with, beside figures worked out by hand."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlpuconv.verification.kinds.boxes import Boxes, corners_of, has_corners, overlap
from dlpuconv.verification.kinds.classes import Classes, Labels
from dlpuconv.verification.kinds.embeddings import Embeddings
from dlpuconv.verification.kinds.masks import Masks
from dlpuconv.verification.kinds.scores import Scores


def real(*values: float) -> npt.NDArray[np.float64]:
    return np.array(values, np.float64)


def scored(expected: npt.NDArray[np.float64], value: npt.NDArray[np.float64], classes: int | None = None) -> float:
    scores = Scores(classes)
    scores.add(expected, value)
    found = scores.result()
    assert found is not None
    return found


def test_scores_that_are_the_same_agree_whole() -> None:
    assert scored(real(0.9, 0.3, 0.01), real(0.9, 0.3, 0.01)) == pytest.approx(1.0)


def test_a_certain_score_that_no_longer_passes_costs_what_it_was_worth() -> None:
    # The source: both pass 0.5, expected F1 = 2 * 1.8 / (2 + 1.8). The file: one passes, 2 * 0.9 / (1 + 1.8).
    expected = (2 * 0.9 / 2.8) / (2 * 1.8 / 3.8)
    assert scored(real(0.9, 0.9, 0.0, 0.0), real(0.9, 0.45, 0.0, 0.0)) == pytest.approx(expected)


def test_a_score_that_the_source_doubts_costs_less_than_a_certain_one_when_it_no_longer_passes() -> None:
    certain, doubted = real(0.9, 0.9, 0.9, *np.zeros(9)), real(0.9, 0.9, 0.28, *np.zeros(9))
    assert scored(certain, real(0.9, 0.9, 0.22, *np.zeros(9))) < 0.85
    assert scored(doubted, real(0.9, 0.9, 0.22, *np.zeros(9))) > 0.97


def test_scores_that_lie_on_a_threshold_may_fall_to_either_side() -> None:
    on_it = np.concatenate([np.full(20, 0.501), np.zeros(80)])
    assert scored(on_it, on_it - 0.005) > 0.99


def test_thousands_of_scores_near_zero_do_not_hide_one_that_is_lost() -> None:
    many = np.full(5000, 0.001)
    many[0] = 0.9
    lost = many.copy()
    lost[0] = 0.0
    assert scored(many, lost) < 0.2


def test_noise_that_ranks_other_places_first_is_seen_although_the_same_number_passes() -> None:
    expected = np.concatenate([np.full(10, 0.95), np.full(90, 0.02)])
    assert scored(expected, expected[::-1].copy()) < 0.2


def test_of_classes_that_compete_the_rarer_events_count_and_not_the_background() -> None:
    faces = np.full(1000, 0.01)
    faces[:5] = 0.9
    lost = np.full(1000, 0.01)
    both, none = np.stack([1 - faces, faces], axis=1)[None], np.stack([1 - lost, lost], axis=1)[None]
    assert scored(both, none, classes=2) < 0.2
    assert scored(both, both, classes=2) == pytest.approx(1.0)


def test_scores_that_never_pass_any_threshold_tell_nothing() -> None:
    scores = Scores()
    scores.add(real(0.05, 0.02), real(0.01, 0.02))
    assert scores.result() is None


@given(arrays(np.float64, 40, elements=st.floats(0, 1)), arrays(np.float64, 40, elements=st.floats(0, 1)))
def test_the_agreement_of_scores_is_a_share(expected: npt.NDArray[np.float64], value: npt.NDArray[np.float64]) -> None:
    scores = Scores()
    scores.add(expected, value)
    found = scores.result()
    assert found is None or 0.0 <= found <= 1.0


def test_samples_are_summed_as_if_they_were_one() -> None:
    apart, together = Scores(), Scores()
    apart.add(real(0.9, 0.1), real(0.8, 0.3))
    apart.add(real(0.6, 0.2), real(0.4, 0.2))
    together.add(real(0.9, 0.1, 0.6, 0.2), real(0.8, 0.3, 0.4, 0.2))
    assert apart.result() == together.result()


def test_a_class_that_is_nearly_as_likely_costs_the_difference_alone() -> None:
    classes = Classes(1)
    classes.add(np.array([[0.5, 0.4, 0.1]]), np.array([[0.3, 0.6, 0.1]]))
    classes.add(np.array([[0.1, 0.9, 0.0]]), np.array([[0.2, 0.7, 0.1]]))
    assert classes.result() == pytest.approx((0.4 + 0.9) / (0.5 + 0.9))


def test_classes_that_tie_in_the_file_count_alike() -> None:
    classes = Classes(1)
    classes.add(np.array([[0.8, 0.2]]), np.array([[0.5, 0.5]]))
    assert classes.result() == pytest.approx(0.5 / 0.8)


def test_labels_are_the_same_or_not() -> None:
    labels = Labels()
    labels.add(real(3, 1, 4, 1), real(3, 1, 5, 1))
    assert labels.result() == 0.75
    assert Labels().result() is None


def test_masks_are_measured_by_the_overlap_of_their_areas() -> None:
    masks = Masks()
    masks.add(real(0.9, 0.9, 0.9, 0.1), real(0.8, 0.7, 0.2, 0.6))
    assert masks.result() == 2 / 4


def test_masks_of_classes_are_measured_by_the_mean_over_those_that_the_source_sees() -> None:
    seen, made = real(0, 0, 1, 1, 1, 1), real(0, 1, 1, 1, 1, 2)
    masks = Masks(labels=True)
    masks.add(seen, made)
    assert masks.result() == pytest.approx((1 / 2 + 3 / 5) / 2)
    competing = Masks(0)
    competing.add(np.eye(3)[seen.astype(int)].T, np.eye(3)[made.astype(int)].T)
    assert competing.result() == masks.result()


def test_a_mask_that_the_source_never_sees_tells_nothing() -> None:
    masks = Masks()
    masks.add(real(0.1, 0.2), real(0.1, 0.9))
    assert masks.result() is None


def test_boxes_overlap_as_worked_out_by_hand() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [5, 5, 5, 5]])
    moved = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]])
    assert overlap(boxes, moved).tolist() == pytest.approx([1.0, 50 / 150, 0.0, 1.0])


def test_centres_and_extents_are_told_from_corners() -> None:
    centres = np.array([[100.0, 100, 20, 10], [50, 60, 4, 8]])
    assert not has_corners(centres)
    assert has_corners(corners_of(centres))
    assert corners_of(centres)[0].tolist() == [90, 95, 110, 105]


def test_boxes_count_by_their_scores_and_not_where_no_score_passes() -> None:
    boxes = Boxes()
    same, far = [0.0, 0, 10, 10], [50.0, 50, 60, 60]
    boxes.add(np.array([same, same, same]), np.array([same, far, far]), real(0.9, 0.3, 0.01))
    assert boxes.result() == pytest.approx(0.9 / 1.2)
    nothing = Boxes()
    nothing.add(np.array([same]), np.array([far]), real(0.1))
    assert nothing.result() is None


def test_boxes_without_scores_count_alike() -> None:
    boxes = Boxes()
    boxes.add(np.array([[0.0, 0, 10, 10], [0, 0, 10, 10]]), np.array([[0.0, 0, 10, 10], [5, 0, 15, 10]]))
    assert boxes.result() == pytest.approx((1 + 1 / 3) / 2)


def test_embeddings_are_measured_by_each_sample_s_own_direction() -> None:
    embeddings = Embeddings()
    embeddings.add(np.array([[3.0, 4.0]]), np.array([[30.0, 40.0]]))
    embeddings.add(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0]]))
    embeddings.add(np.array([[3.0, 4.0]]), np.array([[0.0, 0.0]]))
    assert embeddings.result() == pytest.approx((1 + 24 / 25 + 0) / 3)
