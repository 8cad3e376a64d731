"""Ready metrics, by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv import metrics
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.slow


def as_it_is(inputs: Any) -> dict[str, Any]:
    """A network that answers what it is asked."""
    return dict(inputs) if isinstance(inputs, dict) else {"scores": np.asarray(inputs, np.float32)}


SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.2, 0.5, 0.3], [0.4, 0.3, 0.3]], np.float32)
BATCHES = [(SCORES[:3], np.array([0, 1, 1])), (SCORES[3:], np.array([2]))]


def test_top_k_counts_samples_whose_class_is_among_the_highest() -> None:
    pytest.importorskip("torchmetrics")
    assert metrics.top_k(as_it_is, BATCHES) == 0.5
    assert metrics.top_k(as_it_is, [({"a": -SCORES, "b": SCORES}, np.array([0, 1, 1, 0]))], k=2, output="b") == 1.0
    with raises_error("metric-output-unknown", "'score'", "'scores'"):
        metrics.top_k(as_it_is, BATCHES, output="score")
    with raises_error("metric-no-data"):
        metrics.top_k(as_it_is, [])


def test_mean_iou_is_the_mean_of_what_classes_share_with_the_truth() -> None:
    pytest.importorskip("torchmetrics")
    predicted = np.array([[[0, 0], [1, 1]]])
    truth = np.array([[[0, 1], [1, 1]]])
    scores = np.eye(2, dtype=np.float32)[predicted].transpose(0, 3, 1, 2)
    # of class 0 one of two pixels, of class 1 two of three
    assert metrics.mean_iou(as_it_is, [(scores, truth)]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_mean_average_precision_counts_boxes_by_their_overlap() -> None:
    pytest.importorskip("faster_coco_eval")
    truth = {"boxes": [[0, 0, 10, 10], [20, 20, 30, 30]], "labels": [1, 2]}
    right = {**truth, "scores": [0.9, 0.8]}
    shifted = {"boxes": [[0, 0, 10, 10], [20, 20, 30, 24]], "labels": [1, 2], "scores": [0.9, 0.8]}

    def score(found: Mapping[str, Any]) -> float:
        return metrics.mean_average_precision(as_it_is, [({}, [truth])], decode=lambda _: [found])

    assert score(right) == pytest.approx(1.0)
    assert score(shifted) == pytest.approx(0.5)  # the second box overlaps by 0.4 only
    assert score({"boxes": [], "labels": [], "scores": []}) == 0.0


class Elsewhere:
    """A tensor of a GPU, which numpy cannot read."""

    dtype = "torch.int64"

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")

    def detach(self) -> Elsewhere:
        return self

    def cpu(self) -> Any:
        return self

    def numpy(self) -> Any:
        return self.values


def test_targets_may_be_tensors_of_a_gpu() -> None:
    pytest.importorskip("torchmetrics")
    pytest.importorskip("faster_coco_eval")
    assert metrics.top_k(as_it_is, [(scores, Elsewhere(classes)) for scores, classes in BATCHES]) == 0.5
    area = np.eye(2, dtype=np.float32)[np.array([[[0, 1]]])].transpose(0, 3, 1, 2)
    assert metrics.mean_iou(as_it_is, [(area, Elsewhere([[[0, 1]]]))]) == 1.0
    truth: Any = {"boxes": Elsewhere([[0, 0, 10, 10]]), "labels": Elsewhere([1])}
    found: Any = {**truth, "scores": Elsewhere([0.9])}
    assert metrics.mean_average_precision(as_it_is, [({}, [truth])], decode=lambda _: [found]) == pytest.approx(1.0)


@pytest.mark.parametrize("metric", [metrics.top_k, metrics.mean_iou])
def test_a_metric_says_which_extra_is_missing(monkeypatch: pytest.MonkeyPatch, metric: Any) -> None:
    monkeypatch.setattr(metrics, "find_spec", lambda _: None)
    with raises_error("library-missing", "dlpuconv[metrics]"):
        metric(as_it_is, BATCHES)
