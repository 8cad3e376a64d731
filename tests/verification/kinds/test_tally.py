"""What is summed of whole outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.verification.kinds.kind import Region
from dlpuconv.verification.kinds.tally import KindTally

RNG = np.random.default_rng(0)
BOXES = Region(kind=OutputKind.BOXES, axis=1, start=0, stop=4)
SCORES = Region(kind=OutputKind.SCORES, axis=1, start=4, stop=6)


def detector(score: float = 0.9) -> npt.NDArray[Any]:
    """[1, 6, 100]: centres and extents, and two classes, of which one passes at the first place."""
    output = np.zeros((1, 6, 100), np.float32)
    output[:, :4] = np.array([100.0, 100.0, 20.0, 20.0]).reshape(1, 4, 1)
    output[0, 4, 0] = score
    return output


def test_boxes_count_where_the_scores_of_the_same_output_pass() -> None:
    wrong = detector()
    wrong[0, 0, 1:] = 500.0  # places that no score speaks of
    tally = KindTally({"y": (BOXES, SCORES)})
    tally.add({"y": detector()}, {"y": wrong})
    boxes, scores = tally.result()
    assert (boxes.title, boxes.agreement) == ("y[:, 0:4]", 1.0)
    assert (scores.title, scores.good) == ("y[:, 4:6]", True)
    wrong[0, 0, 0] = 110.0  # by half of its extent: 10 x 20 of 30 x 20 are common
    tally = KindTally({"y": (BOXES, SCORES)})
    tally.add({"y": detector()}, {"y": wrong})
    assert tally.result()[0].agreement == pytest.approx(1 / 3)


def test_values_beside_scores_are_measured_where_a_score_passes() -> None:
    scores = np.zeros((1, 50, 2), np.float32)
    scores[:, :, 0], scores[0, :10] = 1.0, [0.0, 1.0]
    values = RNG.standard_normal((1, 50, 4)).astype(np.float32)
    noisy = values.copy()
    noisy[0, 10:] += 100.0
    kinds = {
        "s": (Region(kind=OutputKind.SCORES, classes=2),),
        "v": (Region(kind=OutputKind.VALUES, places=1),),
    }
    tally = KindTally(kinds)
    tally.add({"s": scores, "v": values}, {"s": scores, "v": noisy})
    assert tally.result()[1].of_passing
    assert tally.result()[1].sqnr_db is None  # nothing differs there
    few = KindTally(kinds)
    few.add({"s": scores * 0.1, "v": values}, {"s": scores, "v": noisy})
    assert not few.result()[1].of_passing
    assert few.result()[1].sqnr_db == pytest.approx(-38, abs=2)


def test_logits_that_the_user_calls_classes_are_read_as_a_softmax_would() -> None:
    tally = KindTally({"y": (Region(kind=OutputKind.CLASSES, classes=1, stated=True),)})
    tally.add({"y": np.log([[0.5, 0.3, 0.2]]) + 7}, {"y": np.array([[1.0, 2.0, 0.0]])})
    assert tally.result()[0].agreement == pytest.approx(0.3 / 0.5)


def test_logarithms_are_read_as_probabilities() -> None:
    tally = KindTally({"y": (Region(kind=OutputKind.CLASSES, classes=1, logarithms=True),)})
    tally.add({"y": np.log([[0.5, 0.3, 0.2]])}, {"y": np.log([[0.2, 0.7, 0.1]])})
    assert tally.result()[0].agreement == pytest.approx(0.3 / 0.5)


def test_what_is_no_number_is_no_agreement() -> None:
    tally = KindTally({"y": (Region(kind=OutputKind.SCORES),)})
    tally.add({"y": np.array([[0.9, 0.0]])}, {"y": np.array([[np.nan, 0.0]])})
    assert not tally.result()[0].good


def test_labels_are_compared_as_they_are() -> None:
    tally = KindTally({"y": (Region(kind=OutputKind.CLASSES),)})
    tally.add({"y": np.array([[3, 2, 2, 2]])}, {"y": np.array([[3.0, 2.0, 2.0, 0.0]])})
    assert tally.result()[0].agreement == 0.75


ROWS = tuple(
    Region(kind=kind, axis=2, start=start, stop=stop, selected=True)
    for kind, start, stop in ((OutputKind.BOXES, 0, 4), (OutputKind.SCORES, 4, 5), (OutputKind.CLASSES, 5, 6))
)
SEEN = np.array([[[0.0, 0, 10, 10, 0.9, 1], [20, 20, 30, 30, 0.6, 2], [0, 0, 1, 1, 0.01, 0]]])


def found_again(got: npt.NDArray[Any]) -> float | None:
    tally = KindTally({"y": ROWS})
    tally.add({"y": SEEN}, {"y": got})
    assert {part.agreement for part in tally.result()} == {tally.result()[0].agreement}
    return tally.result()[0].agreement


def test_detections_are_the_same_in_any_order_and_number_of_rows() -> None:
    assert found_again(SEEN[:, [2, 1, 0]]) == 1.0
    assert found_again(SEEN[:, :2]) == 1.0


def test_a_detection_of_another_label_or_place_is_another_one() -> None:
    other = SEEN.copy()
    other[0, 1, 5] = 3
    assert found_again(other) == pytest.approx(1.8 / 3.0)
    far = SEEN.copy()
    far[0, 1, :4] += 8  # 4 of 196 are common
    assert found_again(far) == pytest.approx(1.8 / 3.0)
    near = SEEN.copy()
    near[0, 1, 0] += 1
    assert found_again(near) == 1.0


def test_a_detection_that_just_misses_the_threshold_is_found_again_and_one_that_is_lost_is_not() -> None:
    faint = np.array([[[0.0, 0, 10, 10, 0.9, 1], [20, 20, 30, 30, 0.26, 2]]])
    tally = KindTally({"y": ROWS})
    missed = faint.copy()
    missed[0, 1, 4] = 0.23
    tally.add({"y": faint}, {"y": missed})
    assert tally.result()[0].agreement == 1.0
    assert found_again(SEEN[:, :1]) == pytest.approx(1.8 / 2.4)


def chosen(axis: int | None = None) -> dict[str, tuple[Region, ...]]:
    boxes = Region(kind=OutputKind.BOXES, axis=axis, stop=4, selected=True)
    return {"boxes": (boxes,), "scores": (Region(kind=OutputKind.SCORES, selected=True),)}


def test_scores_of_every_class_beside_boxes_tell_the_label_by_the_highest() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    scores = np.array([[0.1, 0.9, 0.0], [0.6, 0.1, 0.1]])
    tally = KindTally(chosen())
    tally.add({"boxes": boxes, "scores": scores}, {"boxes": boxes[::-1], "scores": scores[::-1]})
    assert tally.result()[0].agreement == 1.0
    tally.add({"boxes": boxes, "scores": scores}, {"boxes": boxes, "scores": scores[:, [1, 0, 2]]})  # other labels
    assert tally.result()[0].agreement == pytest.approx(0.5)
    none = {"boxes": np.zeros((0, 4)), "scores": np.zeros((0, 3))}
    tally.add(none, none)
    assert tally.result()[0].agreement == pytest.approx(0.5)


def test_boxes_along_another_axis_are_read_along_it() -> None:
    boxes, scores = SEEN[:, :, :4].transpose(0, 2, 1), SEEN[:, :, 4]
    moved = SEEN[:, ::-1, :4].transpose(0, 2, 1), SEEN[:, ::-1, 4]
    tally = KindTally(chosen(axis=1))
    tally.add({"boxes": boxes, "scores": scores}, dict(zip(("boxes", "scores"), moved, strict=True)))
    assert tally.result()[0].agreement == 1.0


def test_nothing_is_said_of_scores_that_are_not_of_as_many_rows_as_the_boxes() -> None:
    tally = KindTally(chosen())
    answer = {"boxes": np.zeros((5, 4)), "scores": np.full((1, 7), 0.9)}
    tally.add(answer, answer)
    assert [part.measured for part in tally.result()] == [False, False]


def test_nothing_is_said_of_outputs_whose_shapes_differ() -> None:
    tally = KindTally({"y": (Region(kind=OutputKind.SCORES),)})
    tally.add({"y": np.array([0.9])}, {"y": np.array([0.9, 0.8])})
    assert not tally.result()[0].measured
