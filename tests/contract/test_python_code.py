"""The Python code is right: it is run, and compared with what the file and its ports say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.contract import Picture, contract_of_file, python_snippet
from dlpuconv.contract.words import part_of
from dlpuconv.formats.detect import runner
from dlpuconv.formats.kinds import TFLITE
from dlpuconv.ir import ActivationKind, Affine, FinalActivation, InputBinding, Part
from dlpuconv.verification.translate import from_artifact
from tests.contract.support import (
    BOXES,
    IMAGE,
    PIXELS,
    SCORES,
    VALUES,
    answering,
    contract,
    defined,
    fed,
    without_network,
)
from tests.reporting.material import material

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.plugin import Port
    from tests.contract.support import Array

RAMP = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3) * 23  # 0 to 253


def of_logits(raw: list[Array], *ports: Port) -> dict[str, Array]:
    """What the code makes of these codes, with the functions in front of it."""
    infer, _ = answering(*raw)
    code = python_snippet("m.tflite", contract(*ports), TFLITE)
    start = min(code.index(f"def {name}(") for name in ("sigmoid", "softmax") if f"def {name}(" in code)
    found: dict[str, Array] = defined("import numpy as np\n" + code[start:], infer=infer)["run"](RAMP)
    return found


def test_it_runs_the_file_and_gives_real_values(tmp_path: Path) -> None:
    found = material(tmp_path, compared=False)
    path = tmp_path / "m.tflite"
    code = python_snippet(str(path), contract_of_file(found.view, None), TFLITE)
    real = np.array([[0.5, -0.25, 1.0]], np.float32)
    codes = np.rint(real * 127).astype(np.int8)
    expected = (runner(path).run({"x": codes})["y"].astype(np.float32) - 128) * np.float32(2 / 127)
    got = defined(code)["run"](real)
    assert list(got) == ["y"]
    assert got["y"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("scale", "zero_point"), [(1.0, 0), (1.0, 121), (1 / 255, 0), (1 / 58, 116)])
def test_raw_pixels_are_codes_already_whatever_the_scale_and_zero_point(scale: float, zero_point: int) -> None:
    codes = fed(replace(PIXELS, port=replace(IMAGE, quantization=Affine.of(scale, zero_point))), RAMP)
    assert codes.dtype == np.uint8
    assert np.array_equal(codes, RAMP)


def test_raw_pixels_of_an_int8_input_are_128_less() -> None:
    pixels = np.array([0, 1, 127, 128, 254, 255] * 2, np.uint8).reshape(IMAGE.shape)
    codes = fed(replace(PIXELS, port=replace(IMAGE, dtype="int8", quantization=Affine.of(1 / 255, -128))), pixels)
    assert codes.dtype == np.int8
    assert codes.ravel()[:6].tolist() == [-128, -127, -1, 0, 126, 127]


def test_raw_pixels_of_a_float_input_are_the_same_numbers() -> None:
    codes = fed(replace(PIXELS, port=replace(IMAGE, dtype="float32", quantization=None)), RAMP)
    assert codes.dtype == np.float32
    assert np.array_equal(codes, RAMP)


def test_pixels_that_somebody_normalized_are_refused_where_raw_ones_go_in() -> None:
    with pytest.raises(TypeError, match="safe"):
        fed(PIXELS, RAMP / np.float32(255))


def test_it_rounds_and_clips_real_inputs_as_the_verifier_does() -> None:
    image = replace(IMAGE, quantization=Affine.of(0.5, -10), dtype="int8")
    values = np.array([-1000.0, -0.26, 0.0, 0.24, 0.76, 1000.0] * 2, np.float32).reshape(IMAGE.shape)
    codes = fed(replace(VALUES, port=image), values)
    assert codes.ravel()[:6].tolist() == [-128, -11, -10, -10, -8, 127]
    assert codes.dtype == np.int8


def test_inputs_without_a_scale_are_taken_as_they_are() -> None:
    for dtype in ("int32", "int64", "float32", "bool"):
        port = replace(IMAGE, dtype=dtype, quantization=None)
        codes = fed(replace(VALUES, port=port), RAMP)
        assert (codes.dtype, codes.tolist()) == (np.dtype(dtype), RAMP.astype(dtype).tolist())


def test_it_gives_the_source_models_order_of_axes_and_joins_parts_in_their_order() -> None:
    random = np.random.default_rng(0)
    raw = [random.integers(-128, 127, SCORES.shape, np.int8), random.integers(0, 255, BOXES.shape, np.uint8)]
    infer, _ = answering(*raw)
    code = without_network(python_snippet("m.tflite", contract(SCORES, BOXES), TFLITE))
    got = defined(code, infer=infer)["run"](RAMP)["out"]
    assert got.shape == (1, 6, 5)
    assert got[:, :4] == pytest.approx(from_artifact(raw[1], BOXES))
    assert got[:, 4:] == pytest.approx(from_artifact(raw[0], SCORES))


def test_it_makes_probabilities_of_logits_under_the_source_models_name() -> None:
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="scores")
    port = replace(BOXES, name="scores_logits", part=None, activation=sigmoid, quantization=Affine.of(0.1, 100))
    codes = np.arange(20, dtype=np.uint8).reshape(BOXES.shape) * 12
    got = of_logits([codes], port)
    assert list(got) == ["scores"]
    assert got["scores"] == pytest.approx(sigmoid.of(from_artifact(codes, port)), abs=1e-6)


def test_it_joins_parts_before_it_makes_probabilities_of_them() -> None:
    softmax = FinalActivation(kind=ActivationKind.SOFTMAX, output="scores", axis=1)
    ports = [
        replace(
            port, activation=softmax, quantization=Affine.of(0.01, 3), part=replace(port.part, output="scores_logits")
        )
        for port in (BOXES, SCORES)
        if port.part is not None
    ]
    raw = [np.arange(20, dtype=np.uint8).reshape(BOXES.shape), np.arange(10, dtype=np.int8).reshape(SCORES.shape)]
    real = np.concatenate([from_artifact(codes, port) for codes, port in zip(raw, ports, strict=True)], axis=1)
    got = of_logits(raw, *ports)
    assert list(got) == ["scores"]
    assert got["scores"] == pytest.approx(softmax.of(real), abs=1e-6)


def test_it_puts_parts_that_alternate_where_they_belong() -> None:
    ends = replace(BOXES, part=Part(output="out", axis=1, start=0, stop=5, step=3, run=2))
    middles = replace(SCORES, part=Part(output="out", axis=1, start=2, stop=6, step=3))
    raw = [np.arange(20, dtype=np.uint8).reshape(BOXES.shape), np.arange(10, dtype=np.int8).reshape(SCORES.shape)]
    infer, _ = answering(*raw)
    code = without_network(python_snippet("m.tflite", contract(ends, middles), TFLITE))
    got = defined(code, infer=infer)["run"](RAMP)["out"]
    assert got[:, [0, 1, 3, 4]] == pytest.approx(from_artifact(raw[0], ends))
    assert got[:, [2, 5]] == pytest.approx(from_artifact(raw[1], middles))
    assert part_of(ends) == "the first 2 of every 3 from 0 to 4 on axis 1 of the source model's out"
    assert part_of(middles) == "the first of every 3 from 2 to 5 on axis 1 of the source model's out"


def test_what_the_front_gives_comes_in_the_source_models_order_of_axes() -> None:
    port = replace(IMAGE, quantization=None, dtype="float32")
    value = RAMP.astype(np.float32).reshape(IMAGE.source_shape)
    assert np.array_equal(fed(replace(VALUES, port=port, computed=True), value), value.transpose(0, 2, 3, 1))
    ends = Part(output="out", axis=1, start=0, stop=5, step=3, run=2)
    part = replace(BOXES, quantization=None, dtype="float32", part=ends)
    whole = np.arange(30, dtype=np.float32).reshape(1, 6, 5)
    assert np.array_equal(
        fed(replace(VALUES, port=part, computed=True), whole), whole[:, [0, 1, 3, 4]].transpose(0, 2, 1)
    )


def test_labels_come_out_as_they_are_beside_other_outputs() -> None:
    labels = replace(BOXES, name="labels", dtype="int64", quantization=None, part=None)
    raw = np.arange(20).reshape(labels.shape)
    infer, _ = answering(raw, np.zeros(BOXES.shape, np.uint8), np.zeros(SCORES.shape, np.int8))
    code = without_network(python_snippet("m.tflite", contract(labels, BOXES, SCORES), TFLITE))
    got = defined(code, infer=infer)["run"](RAMP)
    assert got["labels"].dtype == np.int64
    assert np.array_equal(got["labels"], raw.transpose(0, 2, 1))
    assert got["out"].shape == (1, 6, 5)


def test_several_inputs_are_told_apart_by_their_order() -> None:
    numbers = replace(VALUES, port=replace(IMAGE, name="n", quantization=Affine.of(0.5, 1)))
    infer, given = answering(np.zeros(BOXES.shape, np.uint8))
    code = without_network(python_snippet("m.tflite", contract(BOXES, feeds=(PIXELS, numbers)), TFLITE))
    defined(code, infer=infer)["run"](RAMP, RAMP / 2.0)
    assert np.array_equal(given[0], RAMP)
    assert np.array_equal(given[1], np.minimum(RAMP.astype(int) + 1, 255))


def test_a_hostile_name_is_a_name() -> None:
    evil = replace(BOXES, name='"""\'); raise SystemExit(1) #\n*/ int main', part=None, source_shape=BOXES.shape)
    evil = replace(evil, permutation=(0, 1, 2))
    infer, _ = answering(np.zeros((1, 5, 4), np.uint8))
    for known in (True, False):
        given = contract(evil, feeds=(VALUES,), known=known)
        got = defined(without_network(python_snippet("m\n'.tflite", given, TFLITE)), infer=infer)["run"](0)
        assert list(got) == [evil.name]


def test_what_goes_in_is_said_in_words() -> None:
    def said(**changes: object) -> str:
        feed = replace(VALUES, **changes)  # type: ignore[arg-type]
        text = python_snippet("m", contract(BOXES, feeds=(feed,)), TFLITE)
        return " ".join(text.replace("#", " ").split())

    raw = InputBinding(name="image", raw_pixels=True)
    picture = Picture(color="BGR", mean=(1.0, 2.0, 3.0), std=(4.0, 5.0, 6.0))
    assert "raw pixels 0 to 255, RGB, as the camera delivers them: they go in unchanged" in said(
        binding=raw, picture=Picture(color="RGB")
    )
    assert "raw pixels 0 to 255, gray, as the camera" in said(binding=raw, picture=Picture(color="GRAY"))
    assert "BGR that the application normalizes: real = (pixel - mean) / std with mean 1, 2, 3 and std 4, 5, 6" in said(
        picture=picture
    )
    folded = InputBinding(name="image", multiplier=(0.5,), offset=(1.0,))
    assert "preprocessed as for the source model, times 0.5, plus 1" in said(binding=folded)
