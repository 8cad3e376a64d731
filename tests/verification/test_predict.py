"""A model or a file as a function of the source model's arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dlpuconv.ir import ActivationKind, Affine, FinalActivation, Layout, Links, Signature, ValueSpec
from dlpuconv.plugin import Part, Port
from dlpuconv.verification.predictor import AsSource, joined, predict_by
from tests.error_ids import raises_error

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = ValueSpec(name="image", shape=(1, 3, 2, 4), dtype="float32", layout=Layout.NCHW)
SIGNATURE = Signature((IMAGE,), (ValueSpec(name="label", shape=(1,), dtype="int64", layout=Layout.PLAIN),))


class Recording:
    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.answer = answer
        self.seen: list[Mapping[str, Any]] = []

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        self.seen.append(inputs)
        return dict(self.answer)


def test_the_source_model_gets_float32_and_its_answers_become_float32() -> None:
    runner = Recording({"label": np.array([3], np.int64)})
    predict = predict_by(runner, SIGNATURE)
    label = predict({"image": np.ones((1, 3, 2, 4), np.float64)})["label"]
    assert label.dtype == np.float32
    assert label.tolist() == [3.0]
    assert runner.seen[0]["image"].dtype == np.float32


def test_a_file_gets_its_own_layout_and_codes_and_answers_in_the_source_s() -> None:
    image = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 4)
    nhwc = (0, 2, 3, 1)
    x = Port(
        name="image", source_shape=(1, 3, 2, 4), shape=(1, 2, 4, 3), permutation=nhwc, dtype="uint8",
        quantization=Affine.of(0.5, 7),
    )  # fmt: skip
    y = Port(
        name="map", source_shape=(1, 2, 1, 2), shape=(1, 1, 2, 2), permutation=nhwc, dtype="int8",
        quantization=Affine.of(0.25, -1),
    )  # fmt: skip
    runner = Recording({"map": np.array([[[[3, 7], [-1, 0]]]], np.int8)})
    found = predict_by(AsSource(runner, Links(inputs=(x,), outputs=(y,))), SIGNATURE)({"image": image})
    assert np.array_equal(runner.seen[0]["image"], (image.transpose(nhwc) * 2 + 7).astype(np.uint8))
    # real values are a quarter of (3 + 1, 7 + 1, 0, 1), channels last; channels first they are [[1, 0]], [[2, .25]]
    assert found["map"].dtype == np.float32
    assert found["map"].tolist() == [[[[1.0, 0.0]], [[2.0, 0.25]]]]


@pytest.mark.parametrize(
    ("inputs", "facts"),
    [
        ({"imgae": np.zeros((1, 3, 2, 4))}, ["'imgae'", "(did you mean 'image'?)"]),
        ({}, ["'image'", "none"]),
        ({"image": np.zeros((8, 3, 2, 5))}, ["(8, 3, 2, 5)", "(any, 3, 2, 4)"]),
        ({"image": "photo.jpg"}, ["a dict of arrays"]),
        ("photo.jpg", ["a dict of arrays"]),
    ],
)
def test_inputs_that_the_model_does_not_take_are_refused(inputs: Any, facts: list[str]) -> None:
    runner = Recording({})
    for predict in (
        predict_by(runner, SIGNATURE),
        predict_by(AsSource(runner, Links(inputs=(), outputs=())), SIGNATURE),
    ):
        with raises_error("metric-inputs", *facts):
            predict(inputs)
    assert runner.seen == []


def test_a_batch_runs_one_after_the_other_and_the_only_input_needs_no_name() -> None:
    runner = Recording({"label": np.array([3], np.int64)})
    steps: list[int] = []
    predict = predict_by(runner, SIGNATURE, lambda: steps.append(1))
    images = np.arange(48, dtype=np.float32).reshape(2, 3, 2, 4)
    assert predict(images)["label"].tolist() == [3.0, 3.0]
    assert [seen["image"].tolist() for seen in runner.seen] == [images[:1].tolist(), images[1:].tolist()]
    assert len(steps) == 2


def test_parts_that_alternate_are_put_where_they_belong() -> None:
    ends = Part(output="y", axis=1, start=0, stop=5, step=3, run=2)
    middles = Part(output="y", axis=1, start=2, stop=6, step=3)
    ports = [
        Port(name=name, source_shape=(1, n), shape=(1, n), permutation=(0, 1), dtype="float32", part=part)
        for name, n, part in zip("ab", (4, 2), (ends, middles), strict=True)
    ]
    values = {ports[0]: np.array([[0.0, 1.0, 3.0, 4.0]]), ports[1]: np.array([[2.0, 5.0]])}
    assert joined(values)["y"].tolist() == [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]


def test_parts_of_which_a_manifest_claims_billions_of_slices_are_refused() -> None:
    ports = tuple(
        Port(name=part, source_shape=(1, 2), shape=(1, 2), permutation=(0, 1), dtype="float32", part=where)
        for part, where in (
            ("few", Part(output="y", axis=1, start=0, stop=4, step=2)),
            ("many", Part(output="y", axis=1, start=1, stop=1 << 31)),
        )
    )
    runner = Recording({name: np.zeros((1, 2), np.float32) for name in ("few", "many")})
    with raises_error("manifest-misfit", "'many'", "(1, 2)", "2147483647"):
        AsSource(runner, Links(inputs=(), outputs=ports)).run({})


def test_an_output_that_came_in_parts_is_joined_in_the_order_of_the_source() -> None:
    halves = [
        Port(
            name=f"y_part{number}",
            source_shape=(1, 2),
            shape=(1, 2),
            permutation=(0, 1),
            dtype="float32",
            part=Part(output="y", axis=1, start=2 * number, stop=2 * number + 2),
        )
        for number in (1, 0)
    ]

    class Parts:
        def run(self, _: Any) -> dict[str, Any]:
            return {"y_part0": np.array([[1.0, 2.0]]), "y_part1": np.array([[3.0, 4.0]])}

    found = predict_by(AsSource(Parts(), Links(inputs=(), outputs=tuple(halves))), Signature((), ()))({})
    assert found["y"].tolist() == [[1.0, 2.0, 3.0, 4.0]]
    assert list(found) == ["y"]


SIGMOID = FinalActivation(kind=ActivationKind.SIGMOID, output="scores")
SOFTMAX = FinalActivation(kind=ActivationKind.SOFTMAX, output="scores", axis=1)


def logits_port(activation: FinalActivation, name: str = "scores_logits", part: Part | None = None) -> Port:
    shape = (1, part.stop - part.start if part else 2)
    return Port(
        name=name, source_shape=shape, shape=shape, permutation=(0, 1), dtype="int8", quantization=Affine.of(0.5, 10),
        part=part, activation=activation,
    )  # fmt: skip


def test_logits_come_as_the_source_models_probabilities() -> None:
    port = logits_port(SIGMOID)
    file = AsSource(Recording({}), Links(inputs=(), outputs=(port,)))
    found = file.restored({"scores_logits": np.array([[10, 12]], np.int8)})
    assert list(found) == ["scores"]
    assert found["scores"][0] == pytest.approx([0.5, 1 / (1 + np.exp(-1))])


def test_parts_of_logits_are_joined_before_they_become_probabilities() -> None:
    parts = [Part(output="scores_logits", axis=1, start=start, stop=start + 1) for start in (0, 1)]
    ports = tuple(logits_port(SOFTMAX, f"scores_logits_part{part.start}", part) for part in parts)
    answer = {port.name: np.array([[10 + 2 * number]], np.int8) for number, port in enumerate(ports)}
    found = AsSource(Recording({}), Links(inputs=(), outputs=ports)).restored(answer)
    assert found["scores"][0] == pytest.approx(np.exp([0, 1]) / np.exp([0, 1]).sum())


def test_a_softmax_of_an_axis_that_a_strangers_file_does_not_have_is_told() -> None:
    port = replace(logits_port(SOFTMAX), source_shape=(2,), shape=(2,), permutation=(0,))
    with raises_error("manifest-misfit", "outputs"):
        AsSource(Recording({}), Links(inputs=(), outputs=(port,))).restored({"scores_logits": np.zeros(2, np.int8)})
