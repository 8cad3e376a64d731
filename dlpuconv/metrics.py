"""Ready metrics, for `dlpuconv.evaluate` and, with their data, for `convert(..., metric=...)`.

Each takes `predict` and a loader of pairs (inputs, targets), as a `DataLoader` yields them, and returns a number from 0
to 1, higher for a better network. They use torchmetrics and faster-coco-eval (COCO's own rules), which the extra
`metrics` brings.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.calibration.matching import as_array
from dlpuconv.errors import MetricError, MissingDependencyError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.verification.predictor import Predict

    type Array = npt.NDArray[Any]
    type Outputs = Mapping[str, Array]
    type Loader = Iterable[tuple[Any, Any]]
    type Boxes = Mapping[str, npt.ArrayLike]


def top_k(predict: Predict, loader: Loader, *, k: int = 1, output: str | None = None) -> float:
    """The share of samples whose true class is among the k highest scores.

    Args:
        predict: runs the network.
        loader: yields inputs, and the class of each sample: [N] integers.
        k: how many of the highest scores count.
        output: name of the output with the scores [N, classes]; by default the first one.

    Raises:
        MetricError: the loader yields nothing.
        MissingDependencyError: torchmetrics is missing.
    """
    _demand("torchmetrics", "dlpuconv.metrics.top_k")
    import torch
    from torchmetrics.functional.classification import multiclass_accuracy

    scores, classes = _gathered(predict, loader, output)
    found = multiclass_accuracy(
        torch.from_numpy(scores), torch.from_numpy(classes), num_classes=scores.shape[1], average="micro", top_k=k
    )
    return float(found)


def mean_iou(predict: Predict, loader: Loader, *, output: str | None = None, ignore_index: int | None = None) -> float:
    """Mean intersection over union of predicted and true areas, over all classes.

    Args:
        predict: runs the network.
        loader: yields inputs, and the class of each pixel: [N, H, W] integers.
        output: name of the output with the scores [N, classes, H, W]; by default the first one.
        ignore_index: class of the pixels to ignore.

    Raises:
        MetricError: the loader yields nothing.
        MissingDependencyError: torchmetrics is missing.
    """
    _demand("torchmetrics", "dlpuconv.metrics.mean_iou")
    import torch
    from torchmetrics.classification import MulticlassJaccardIndex

    counted: Any = None
    for outputs, target in _answers(predict, loader):
        scores = torch.from_numpy(np.ascontiguousarray(_chosen(outputs, output)))
        if counted is None:
            counted = MulticlassJaccardIndex(scores.shape[1], average="macro", ignore_index=ignore_index)
        counted.update(scores, torch.from_numpy(as_array(target, "the classes")))
    if counted is None:
        raise MetricError("the loader yielded no batch, so there is nothing to measure", id="metric-no-data")
    return float(counted.compute())


def mean_average_precision(predict: Predict, loader: Loader, *, decode: Callable[[Outputs], Sequence[Boxes]]) -> float:
    """COCO's mean average precision of boxes, over overlaps from 0.50 to 0.95.

    Args:
        predict: runs the network.
        loader: yields inputs, and for each sample a dict of `boxes` [M, 4] (left, top, right, bottom) and `labels` [M].
        decode: makes such dicts, which also have `scores` [M], from the network's outputs: one for each sample.

    Raises:
        MetricError: the loader yields no box.
        MissingDependencyError: faster-coco-eval is missing.
    """
    _demand("faster_coco_eval", "dlpuconv.metrics.mean_average_precision")
    from faster_coco_eval import COCO, COCOeval_faster

    truth, found, images = list[dict[str, Any]](), list[dict[str, Any]](), 0
    for outputs, targets in _answers(predict, loader):
        for target, detected in zip(targets, decode(outputs), strict=True):
            images += 1
            truth += _annotations(target, images, len(truth) + 1)
            found += _annotations(detected, images, len(found) + 1)
    if not truth:
        raise MetricError("the loader yielded no box, so there is nothing to measure", id="metric-no-data")
    labels = sorted({entry["category_id"] for entry in (*truth, *found)})
    frame: dict[str, Any] = {
        "images": [{"id": number} for number in range(1, images + 1)],
        "categories": [{"id": label, "name": str(label)} for label in labels],
    }
    known, seen = (COCO({**frame, "annotations": entries}) for entries in (truth, found))
    judged = COCOeval_faster(known, seen, "bbox", print_function=lambda *_: None)
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    return max(0.0, float(judged.stats[0]))


def _annotations(boxes: Boxes, image: int, first: int) -> list[dict[str, Any]]:
    """In COCO's form, numbered from `first` on."""
    corners = as_array(boxes["boxes"], "the boxes").astype(np.float64).reshape(-1, 4)
    labels = as_array(boxes["labels"], "the labels").reshape(-1)
    scores = as_array(boxes.get("scores", np.ones(len(labels))), "the scores").astype(np.float64).reshape(-1)
    return [
        {
            "id": first + row, "image_id": image, "category_id": int(label), "score": float(score), "iscrowd": 0,
            "bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top),
        }
        for row, ((left, top, right, bottom), label, score) in enumerate(
            zip(corners.tolist(), labels, scores, strict=True)
        )
    ]  # fmt: skip


def _gathered(predict: Predict, loader: Loader, output: str | None) -> tuple[Array, Array]:
    """Scores [N, classes] and classes [N] of all samples."""
    pairs = [
        (_chosen(outputs, output), as_array(target, "the classes").astype(np.int64).reshape(-1))
        for outputs, target in _answers(predict, loader)
    ]
    if not pairs:
        raise MetricError("the loader yielded no batch, so there is nothing to measure", id="metric-no-data")
    scores, classes = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return scores, classes


def _answers(predict: Predict, loader: Loader) -> Iterator[tuple[Outputs, Any]]:
    for inputs, target in loader:
        yield predict(inputs), target


def _chosen(outputs: Outputs, output: str | None) -> Array:
    if output is not None and output not in outputs:
        raise MetricError(
            f"no output is called {output!r}{did_you_mean(output, outputs)}: there are {', '.join(outputs)}",
            id="metric-output-unknown",
        )
    return next(iter(outputs.values())) if output is None else outputs[output]


def _demand(library: str, purpose: str) -> None:
    if find_spec(library) is None:
        raise MissingDependencyError(library, "metrics", purpose)
