"""Layer by layer: what corresponds to what, and what the figures are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir
import pytest
from onnx import TensorProto, helper, numpy_helper

from dlpuconv.formats.tflite_file import parse_tflite
from dlpuconv.ir import Model, Source
from dlpuconv.ir.affine import Affine
from dlpuconv.verification.comparison import Comparison, Likeness
from dlpuconv.verification.contradiction import contradicted
from dlpuconv.verification.correspondence import Counterpart, counterparts, in_order
from dlpuconv.verification.question import Question
from dlpuconv.verification.report_text import render_report
from dlpuconv.verification.verifier import verify_file
from dlpuconv_backends.flatbuffer import Operator, Tensor
from tests.verification.test_verify_file import CHIP, Rows, manifest, printed, written
from tests.verification.tflite_models import activation, bias, file_of, options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.verification.layer_parity import LayersReport

W1 = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)
W2 = np.array([[1.0, -1.0], [0.5, 0.5]], np.float32)


def source() -> Model:
    """h = x W1^T; y = h W2^T."""
    graph = helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "W1"], ["h"], transB=1),
            helper.make_node("Gemm", ["h", "W2"], ["y"], transB=1),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(W1, "W1"), numpy_helper.from_array(W2, "W2")],
        value_info=[helper.make_tensor_value_info("h", TensorProto.FLOAT, [1, 2])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return Model(graph=onnx_ir.from_proto(proto), source=Source(name="m", sha256="0" * 64))


def dense(x: Tensor, name: str, weights: npt.NDArray[np.float32], out: Tensor) -> Operator:
    step = float(np.abs(weights).max()) / 127
    values = np.rint(weights / step).astype(np.int8)
    kernels = Tensor(f"{name}/w", weights.shape, values.dtype, values, Affine.of(step, 0))
    parts: list[Tensor | None] = [x, kernels, bias(f"{name}/b", x, kernels, len(weights))]
    return Operator("FULLY_CONNECTED", parts, [out], options("FullyConnected"))


def converted(inner: str = "h", *, factors: tuple[float, float] = (1.0, 1.0)) -> bytes:
    """The same in int8; the inner value's channels are scaled by factors, which the next layer takes out."""
    by = np.array(factors, np.float32)
    x = activation("x", (1, 3), scale=1 / 127)
    h = activation(inner, (1, 2), scale=float(by.max()) / 127)
    y = activation("y_int8", (1, 2), scale=2 / 127)
    outer = activation("y", (1, 2), "uint8", scale=2 / 127, zero_point=128)
    return file_of(
        [x],
        [outer],
        dense(x, "1", W1 * by[:, None], h),
        dense(h, "2", W2 / by, y),
        Operator("QUANTIZE", [y], [outer]),
    )


def looked_at(path: Path, likeness: Likeness | None = None) -> LayersReport:
    question = Question(reference=source(), samples=Rows(), layers=True, likeness=likeness)
    found = verify_file(path, CHIP, question).layers
    assert found is not None
    return found


def test_every_layer_that_bears_a_source_name_is_compared_on_a_few_samples(tmp_path: Path) -> None:
    found = looked_at(written(tmp_path, converted()))
    assert [(layer.names.tensor, layer.source) for layer in found.layers] == [("h", "h"), ("y_int8", "y"), ("y", "y")]
    assert all(layer.sqnr_db is not None and layer.sqnr_db > 35 for layer in found.layers)
    assert all(layer.cosine is not None and layer.cosine > 0.999 for layer in found.layers)
    assert (found.samples, found.not_compared, found.likeness) == (4, (), "equal")


def test_the_figures_are_those_of_the_integer_file(tmp_path: Path) -> None:
    """x is on the grid of 1/127 or half a step away from it: h, which copies it, errs by what rounding x costs."""
    found = looked_at(written(tmp_path, converted()))
    rows = [row.astype(np.float64)[0, :2] for row in Rows().rows[:4]]
    steps = [np.rint(row * 127) / 127 for row in rows]
    noise = sum(float(np.square(row - step).sum()) for row, step in zip(rows, steps, strict=True))
    signal = sum(float(np.square(row).sum()) for row in rows)
    assert found.layers[0].sqnr_db == pytest.approx(10 * np.log10(signal / noise), abs=0.05)
    largest = max(float(np.abs(row - step).max()) for row, step in zip(rows, steps, strict=True))
    assert found.layers[0].max_error == pytest.approx(largest, rel=1e-3)


def test_a_layer_of_another_name_is_counted_not_guessed(tmp_path: Path) -> None:
    found = looked_at(written(tmp_path, converted(inner="StatefulPartitionedCall/dense;fused")))
    assert [layer.names.tensor for layer in found.layers] == ["y_int8", "y"]
    assert found.not_compared == ("StatefulPartitionedCall/dense;fused",)


def test_scaled_channels_are_compared_only_where_the_recipe_scaled_them(tmp_path: Path) -> None:
    content = converted(factors=(4.0, 0.5))
    plain = looked_at(written(tmp_path, content))
    assert "h" in plain.not_compared  # what looks destroyed, and is read soundly, is another value
    recipe = {"granularity": "per-tensor", "overrides": [], "equalize": True}
    beside = manifest(content, recipe=recipe) | {"inputs": [], "outputs": []}
    scaled = looked_at(written(tmp_path, content, beside), Likeness.SCALED)
    assert scaled.likeness == "scaled"
    assert scaled.layers[0].names.tensor == "h"
    assert scaled.layers[0].sqnr_db is not None
    assert scaled.layers[0].sqnr_db > 20


def test_the_manifest_tells_that_channels_were_scaled(tmp_path: Path) -> None:
    content = converted(factors=(4.0, 0.5))
    beside = manifest(content, recipe={"granularity": "per-tensor", "overrides": [], "equalize": True})
    outputs = [{**beside["outputs"][0], "dtype": "uint8", "scale": 2 / 127, "zero_point": 128}]
    assert looked_at(written(tmp_path, content, beside | {"outputs": outputs})).likeness == "scaled"


@pytest.mark.parametrize("told", ["question", "manifest"])
def test_what_has_its_channels_in_another_order_is_not_compared(tmp_path: Path, told: str) -> None:
    content = converted()
    question = Question(reference=source(), samples=Rows(), layers=True)
    beside = manifest(content)
    if told == "question":
        question = replace(question, moved=frozenset({"h"}))
    else:
        outputs = [{**beside["outputs"][0], "dtype": "uint8", "scale": 2 / 127, "zero_point": 128}]
        beside |= {"outputs": outputs, "facts": {"grouping": {"moved": ["h", 7]}}}
    file = written(tmp_path, content, beside) if told == "manifest" else written(tmp_path, content)
    found = verify_file(file, CHIP, question).layers
    assert found is not None
    assert [layer.names.tensor for layer in found.layers] == ["y_int8", "y"]


def test_histograms_count_every_code_once(tmp_path: Path) -> None:
    found = looked_at(written(tmp_path, converted()))
    for counts in found.codes.values():
        assert counts.shape == (256,)
        assert counts.sum() == 4 * 2  # samples x elements
    view = parse_tflite(converted())
    y = next(t.index for t in view.tensors if t.name == "y")
    inner = next(t.index for t in view.tensors if t.name == "y_int8")
    assert np.array_equal(found.codes[y], found.codes[inner])  # uint8 is int8 with another zero point


def test_json_and_the_terminal_name_the_worst_layers(tmp_path: Path) -> None:
    report = verify_file(
        written(tmp_path, converted()), CHIP, Question(reference=source(), samples=Rows(), layers=True)
    )
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))["layers"]
    assert [layer["tensor"] for layer in found["compared"]] == ["h", "y_int8", "y"]
    assert "layers that agree least with the source (of 3 that were compared, on 4 samples)" in printed(
        render_report(report)
    )


def test_inputs_have_no_counterpart_as_a_file_may_take_pixels_where_its_source_takes_numbers(tmp_path: Path) -> None:
    outer = activation("x", (1, 3), "uint8", scale=1.0)
    inner = activation("x_int8", (1, 3), scale=1.0, zero_point=-128)
    y = activation("y", (1, 2), scale=2.25)
    content = file_of([outer], [y], Operator("QUANTIZE", [outer], [inner]), dense(inner, "1", W2 @ W1, y))
    assert [layer.names.tensor for layer in looked_at(written(tmp_path, content)).layers] == ["y"]


def pair(file: tuple[int, ...], of: tuple[int, ...]) -> Counterpart | None:
    out = activation("v", file)
    content = file_of([activation("x", file)], [out], Operator("ABS", [activation("x", file)], [out]))
    shapes: Mapping[str, tuple[int, ...]] = {"v": of}
    return next(iter(counterparts(parse_tflite(content), shapes)), None)


@pytest.mark.parametrize(
    ("file", "of", "first"),
    [
        ((1, 4, 5, 3), (1, 3, 4, 5), (1, 2, 0)),
        ((1, 4, 4, 4), (1, 4, 4, 4), (1, 2, 0)),
        ((1, 7), (1, 7, 1, 1), (0,)),
        ((1, 1, 9, 5), (1, 5, 9), (1, 0)),
        ((1, 2, 3), (1, 2, 3), (0, 1)),
    ],
)
def test_axes_are_matched_by_extent_channels_last_first(
    file: tuple[int, ...], of: tuple[int, ...], first: tuple[int, ...]
) -> None:
    found = pair(file, of)
    assert found is not None
    assert found.orders[0] == first
    value = np.arange(int(np.prod(of))).reshape(of)
    assert all(in_order(value, order, file).shape == file for order in found.orders)


def test_other_extents_are_no_counterpart() -> None:
    assert pair((1, 4, 5, 3), (1, 3, 4, 6)) is None
    assert pair((1, 12), (1, 3, 4)) is None


def test_where_extents_are_equal_the_values_tell_the_order_of_axes() -> None:
    found = pair((1, 3, 3, 3), (1, 3, 3, 3))
    assert found is not None
    value = np.random.default_rng(0).normal(size=(1, 3, 3, 3))
    for order in ((0, 2, 3, 1), (0, 1, 2, 3)):
        comparison = Comparison(found, Likeness.EQUAL)
        comparison.add(value, value.transpose(order))
        assert comparison.result().exact


def test_the_fit_takes_out_factors_and_offsets_and_nothing_else() -> None:
    found = pair((1, 2000, 2), (1, 2000, 2))
    assert found is not None
    random = np.random.default_rng(1)
    value = random.normal(size=(1, 2000, 2))
    noise = 0.01 * random.normal(size=value.shape)
    figures = {}
    for likeness, changed in (
        (Likeness.EQUAL, value + noise),
        (Likeness.SCALED, (value + noise) * [8.0, 0.1]),
        (Likeness.AFFINE, (value + noise) * [8.0, 0.1] - [3.0, 0.5]),
    ):
        comparison = Comparison(found, likeness)
        comparison.add(value, changed)
        figures[likeness] = comparison.result()
    assert figures[Likeness.EQUAL].sqnr_db == pytest.approx(40, abs=1)
    for likeness in (Likeness.SCALED, Likeness.AFFINE):
        assert figures[likeness].sqnr_db == pytest.approx(figures[Likeness.EQUAL].sqnr_db, abs=0.5)
        assert figures[likeness].max_error == pytest.approx(figures[Likeness.EQUAL].max_error, rel=0.3)
        assert figures[likeness].cosine == pytest.approx(1, abs=1e-3)


def test_a_channel_that_stands_still_is_an_error_however_it_is_scaled() -> None:
    found = pair((1, 2000, 2), (1, 2000, 2))
    assert found is not None
    value = np.random.default_rng(1).normal(size=(1, 2000, 2))
    dead = value * [1.0, 0.0]
    for likeness in (Likeness.SCALED, Likeness.AFFINE):
        comparison = Comparison(found, likeness)
        comparison.add(value, dead)
        sqnr = comparison.result().sqnr_db
        assert sqnr is not None
        assert sqnr == pytest.approx(3, abs=1)


def test_a_fused_activation_is_part_of_what_the_source_should_hold() -> None:
    found = pair((1, 500, 2), (1, 500, 2))
    assert found is not None
    layer = replace(found.layer, options={"fused_activation_function": "RELU6"})
    value = np.random.default_rng(1).normal(size=(1, 500, 2)) * 5
    comparison = Comparison(replace(found, layer=layer), Likeness.EQUAL)
    comparison.add(value, np.clip(value, 0, 6))
    assert comparison.result().exact


def chain(reader: str, sound: bool) -> list[int]:
    """Which of x -> middle -> reader -> y look destroyed and are contradicted; middle is eight times too large."""
    x, middle, y = (activation(name, (1, 50, 2)) for name in ("x", "middle", "y"))
    view = parse_tflite(file_of([x], [y], Operator("ABS", [x], [middle]), Operator(reader, [middle], [y])))
    found = {pair.tensor.name: pair for pair in counterparts(view, {"middle": (1, 50, 2), "y": (1, 50, 2)})}
    value = np.random.default_rng(0).normal(size=(1, 50, 2))
    comparisons = {}
    for name, factor in (("middle", 8.0), ("y", 1.01 if sound else 8.0)):
        comparison = Comparison(found[name], Likeness.EQUAL)
        comparison.add(value, value * factor)
        comparisons[found[name].tensor.index] = comparison
    return [view.tensors[index].name == "middle" for index in contradicted(view, comparisons)]


@pytest.mark.parametrize("reader", ["CONV_2D", "RESHAPE", "CONCATENATION", "BATCH_MATMUL"])
def test_what_looks_destroyed_and_is_read_soundly_is_another_value(reader: str) -> None:
    assert chain(reader, sound=True) == [True]


@pytest.mark.parametrize("reader", ["CONV_2D", "RESHAPE", "CONCATENATION", "BATCH_MATMUL"])
def test_damage_that_goes_on_is_damage(reader: str) -> None:
    assert chain(reader, sound=False) == []


@pytest.mark.parametrize("reader", ["LOGISTIC", "MAX_POOL_2D", "HARD_SWISH"])
def test_an_operator_that_squashes_contradicts_nothing(reader: str) -> None:
    assert chain(reader, sound=True) == []


def test_a_part_that_starves_in_a_concatenation_is_not_explained_away() -> None:
    """Small scores in the scale of large boxes: their noise is small beside the whole, and is all in it."""
    scores, boxes = activation("scores", (1, 50, 2)), activation("boxes", (1, 50, 2))
    both = activation("both", (1, 50, 4))
    view = parse_tflite(
        file_of([boxes], [both], Operator("ABS", [boxes], [scores]), Operator("CONCATENATION", [scores, boxes], [both]))
    )
    found = {pair.tensor.name: pair for pair in counterparts(view, {"scores": (1, 50, 2), "both": (1, 50, 4)})}
    random = np.random.default_rng(0)
    small, large = 0.1 * random.normal(size=(1, 50, 2)), 100 * random.normal(size=(1, 50, 2))
    comparisons = {}
    for name, value, seen in (
        ("scores", small, small * 0.0),
        ("both", np.concatenate([small, large], 2), np.concatenate([small * 0.0, large], 2)),
    ):
        comparison = Comparison(found[name], Likeness.EQUAL)
        comparison.add(value, seen)
        comparisons[found[name].tensor.index] = comparison
    assert list(contradicted(view, comparisons)) == []
