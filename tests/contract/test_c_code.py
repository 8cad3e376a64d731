"""The C header is right: it is compiled as Axis' examples compile theirs, run, and compared with the ports."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.calibration import Resize
from dlpuconv.contract import Feed, Picture, c_header
from dlpuconv.ir import ActivationKind, Affine, FinalActivation
from dlpuconv.manifest import DivisionRecord, Maker, RestRecord, Wire
from tests.contract.support import BOXES, IMAGE, PIXELS, SCORES, VALUES, contract, fed, run_c

if TYPE_CHECKING:
    from pathlib import Path

    from dlpuconv.plugin import Port

WHOLE = replace(BOXES, part=None, name="out")


def header(*outputs: Port, feeds: tuple[Feed, ...] = (PIXELS,)) -> str:
    return c_header("model.artpec8", contract(*outputs, feeds=feeds))


def macros(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#define (\w+) (.+)$", text, re.MULTILINE))


def test_it_names_type_shape_and_size_of_each_end() -> None:
    found = macros(header(BOXES, SCORES))
    assert (found["MODEL_NUM_INPUTS"], found["MODEL_NUM_OUTPUTS"]) == ("1", "2")
    assert (found["MODEL_INPUT_0_DTYPE"], found["MODEL_INPUT_0_SHAPE"]) == ('"uint8"', "{1, 2, 2, 3}")
    assert [found[f"MODEL_INPUT_0_{name}"] for name in ("HEIGHT", "WIDTH", "CHANNELS")] == ["2", "2", "3"]
    assert found["MODEL_INPUT_0_SIZE"] == "12"
    assert (found["MODEL_OUTPUT_0_SCALE"], found["MODEL_OUTPUT_0_ZERO_POINT"]) == ("2.5f", "(3)")
    assert (found["MODEL_OUTPUT_1_RANK"], found["MODEL_OUTPUT_1_SIZE"]) == ("3", "10")


def test_height_and_width_follow_the_axes() -> None:
    planar = replace(IMAGE, source_shape=(1, 3, 4, 8), shape=(1, 3, 4, 8), permutation=(0, 1, 2, 3))
    turned = replace(planar, shape=(1, 4, 8, 3), permutation=(0, 2, 3, 1))
    for port in (planar, turned):
        found = macros(header(WHOLE, feeds=(replace(PIXELS, port=port),)))
        assert [found[f"MODEL_INPUT_0_{name}"] for name in ("HEIGHT", "WIDTH", "CHANNELS")] == ["4", "8", "3"]


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_a_pixel_becomes_what_the_python_code_makes_of_it(tmp_path: Path, c_compiler: str, dtype: str) -> None:
    feed = replace(PIXELS, port=replace(IMAGE, dtype=dtype, quantization=Affine.of(0.01, 7)))
    body = "    for (int pixel = 0; pixel < 256; pixel++) putchar(model_input_0_from_pixel((uint8_t)pixel) & 255);"
    codes = np.frombuffer(run_c(c_compiler, tmp_path, header(WHOLE, feeds=(feed,)), body), dtype)
    assert np.array_equal(codes, fed(feed, np.arange(256, dtype=np.uint8)))
    assert codes[0] == np.iinfo(dtype).min
    assert codes[255] == np.iinfo(dtype).max


def test_there_is_no_way_to_quantize_a_raw_pixel_and_the_header_says_that_it_goes_in_as_it_is() -> None:
    text = header(WHOLE)
    assert "from_real" not in text
    assert macros(text)["MODEL_INPUT_0_RAW_PIXELS"] == "1"
    assert macros(text)["MODEL_INPUT_0_PIXEL_OFFSET"] == "(0)"
    assert "they go in unchanged, neither normalized nor quantized" in " ".join(text.split())


@pytest.mark.parametrize(("dtype", "scale", "zero_point"), [("int8", 0.5, -10), ("uint8", 0.017, 114)])
def test_real_values_are_rounded_and_clipped_as_python_does(
    tmp_path: Path, c_compiler: str, dtype: str, scale: float, zero_point: int
) -> None:
    feed = replace(VALUES, port=replace(IMAGE, dtype=dtype, quantization=Affine.of(scale, zero_point)))
    halves = np.arange(-600, 600) * np.float32(scale) / 2  # ties among them
    values = np.concatenate([halves, [-1e30, 1e30, -0.26, 0.76]]).astype(np.float32)
    body = """    float real;
    while (fread(&real, sizeof real, 1, stdin) == 1) putchar(model_input_0_from_real(real) & 255);"""
    codes = np.frombuffer(run_c(c_compiler, tmp_path, header(WHOLE, feeds=(feed,)), body, values.tobytes()), dtype)
    assert np.array_equal(codes, fed(feed, values))
    assert codes[-4:-2].tolist() == [np.iinfo(dtype).min, np.iinfo(dtype).max]


def test_every_code_of_an_output_becomes_its_real_value(tmp_path: Path, c_compiler: str) -> None:
    body = """
    for (int q = 0; q < 256; q++) printf("%.9g\\n", (double)model_output_0_to_real((uint8_t)q));
    for (int q = -128; q < 128; q++) printf("%.9g\\n", (double)model_output_1_to_real((int8_t)q));"""
    got = np.array(run_c(c_compiler, tmp_path, header(BOXES, SCORES), body).split(), np.float64)
    codes = np.arange(256)
    assert got[:256] == pytest.approx((codes - 3) * 2.5)
    assert got[256:] == pytest.approx(codes / 256)  # codes -128 to 127, less the zero point -128


def test_a_logit_becomes_a_probability(tmp_path: Path, c_compiler: str) -> None:
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="scores")
    port = replace(WHOLE, name="scores_logits", activation=sigmoid, quantization=Affine.of(0.1, 100))
    body = 'for (int q = 0; q < 256; q++) printf("%.9g\\n", (double)model_output_0_to_probability((uint8_t)q));'
    got = np.array(run_c(c_compiler, tmp_path, header(port), body).split(), np.float64)
    assert got == pytest.approx(1 / (1 + np.exp(-0.1 * (np.arange(256) - 100.0))), rel=1e-5)
    text = " ".join(header(port).split())
    assert "These are logits and no probabilities: the source model's scores is 1 / (1 + exp(-real))." in text


def test_logits_along_any_axis_become_probabilities(tmp_path: Path, c_compiler: str) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (1, 5, 4), np.uint8)
    for axis, length, stride in ((1, 4, 1), (2, 5, 4)):  # of the source model's [1, 4, 5]
        softmax = FinalActivation(kind=ActivationKind.SOFTMAX, output="scores", axis=axis)
        port = replace(WHOLE, activation=softmax, quantization=Affine.of(0.1, 100))
        body = f"""
    uint8_t codes[20];
    float one[{length}];
    if (fread(codes, 1, 20, stdin) != 20) return 1;
    for (int row = 0; row < {20 // length}; row++) {{
        model_output_0_to_probabilities(codes + row * {5 - stride}, one);
        for (int i = 0; i < {length}; i++) printf("%.9g\\n", (double)one[i]);
    }}"""
        printed = run_c(c_compiler, tmp_path, header(port), body, codes.tobytes()).split()
        expected = softmax.of(0.1 * (codes.transpose(0, 2, 1) - 100.0))
        got = np.array(printed, np.float64).reshape(20 // length, length)
        assert got == pytest.approx(np.moveaxis(expected[0], axis - 1, -1), rel=1e-5)


def test_axis_example_is_not_told_of_logits_which_it_would_take_for_probabilities() -> None:
    sigmoid = FinalActivation(kind=ActivationKind.SIGMOID, output="output")
    assert "QUANTIZATION_SCALE" in macros(header(YOLO))
    found = macros(header(replace(YOLO, activation=sigmoid)))
    assert not found.keys() & {"QUANTIZATION_SCALE", "QUANTIZATION_ZERO_POINT", "NUM_CLASSES", "NUM_DETECTIONS"}


def test_a_softmax_of_an_axis_that_a_strangers_file_does_not_have_has_no_function() -> None:
    softmax = FinalActivation(kind=ActivationKind.SOFTMAX, output="out", axis=4)
    assert "to_probabilities" not in header(replace(WHOLE, activation=softmax))


def test_a_part_that_lacks_some_of_a_softmax_has_no_function_for_it(tmp_path: Path, c_compiler: str) -> None:
    softmax = FinalActivation(kind=ActivationKind.SOFTMAX, output="out", axis=1)
    text = header(replace(BOXES, activation=softmax))
    assert "to_probabilities" not in text
    assert "It is 0 to 3 on axis 1 of the logits of the source model's out." in text
    run_c(c_compiler, tmp_path, text, "")


@pytest.mark.parametrize("name", ["images", "*/ int x; /*", "ünï\ncode", "a " * 300 + "\\"])
def test_a_compiler_accepts_any_name_and_reads_the_scale_unchanged(tmp_path: Path, c_compiler: str, name: str) -> None:
    scale = float(np.float32(0.0041905087))
    feed = replace(VALUES, port=replace(IMAGE, name=name, quantization=Affine.of(scale, 121)))
    text = c_header("1 odd-näme", contract(replace(WHOLE, name=name), feeds=(feed,)))
    body = '    int s[] = MODEL_INPUT_0_SHAPE; printf("%.9g %d", (double)MODEL_INPUT_0_SCALE, s[3]);'
    printed = run_c(c_compiler, tmp_path, text, body).split()
    assert np.float32(printed[0]) == np.float32(scale)
    assert printed[1] == b"3"


def test_ends_of_every_type_compile(tmp_path: Path, c_compiler: str) -> None:
    dtypes = ("bool", "int16", "uint16", "int32", "uint32", "int64", "float16", "float32", "float64", "string")
    ports = [
        replace(WHOLE, dtype=dtype, quantization=affine) for dtype in dtypes for affine in (None, Affine.of(0.5, 0))
    ]
    feeds = tuple(replace(feed, port=port) for port in ports for feed in (PIXELS, VALUES))
    body = '    printf("%d %d", MODEL_NUM_INPUTS, MODEL_NUM_OUTPUTS);'
    assert run_c(c_compiler, tmp_path, header(*ports, feeds=feeds), body) == b"40 20"


def test_the_letterbox_fill_goes_in_like_any_pixel(tmp_path: Path, c_compiler: str) -> None:
    picture = Picture(color="RGB", resize=Resize.LETTERBOX, fill=114)
    text = header(WHOLE, feeds=(replace(PIXELS, port=replace(IMAGE, dtype="int8"), picture=picture),))
    assert "by letterbox: scaled by one factor" in text
    body = '    printf("%d", model_input_0_from_pixel(MODEL_INPUT_0_LETTERBOX_FILL));'
    assert run_c(c_compiler, tmp_path, text, body) == b"-14"
    assert "LETTERBOX_FILL" not in header(WHOLE)


def test_what_the_application_normalizes_with_is_there_by_channel(tmp_path: Path, c_compiler: str) -> None:
    picture = Picture(color="BGR", mean=(10.0, 20.0, 30.5), std=(1.0, 2.0, 4.0))
    text = header(WHOLE, feeds=(replace(VALUES, picture=picture),))
    body = '    float m[] = MODEL_INPUT_0_MEAN, s[] = MODEL_INPUT_0_STD; printf("%g %s", (double)((50 - m[2]) / s[2]),'
    body += " MODEL_INPUT_0_COLOR);"
    assert run_c(c_compiler, tmp_path, text, body) == b"4.875 BGR"


AXIS = (
    "MODEL_INPUT_WIDTH", "MODEL_INPUT_HEIGHT", "QUANTIZATION_SCALE", "QUANTIZATION_ZERO_POINT", "NUM_CLASSES",
    "NUM_DETECTIONS",
)  # fmt: skip
YOLO = replace(WHOLE, shape=(1, 25200, 85), source_shape=(1, 25200, 85), permutation=(0, 1, 2))
WIDE = replace(PIXELS, port=replace(IMAGE, source_shape=(1, 3, 384, 640), shape=(1, 384, 640, 3)))


def test_axis_example_finds_every_name_that_it_reads(tmp_path: Path, c_compiler: str) -> None:
    values = ", ".join(f"(double){name}" for name in AXIS)
    body = f'    printf("%g %g %g %g %g %g", {values});'
    assert run_c(c_compiler, tmp_path, header(YOLO, feeds=(WIDE,)), body) == b"640 384 2.5 3 80 25200"


@pytest.mark.parametrize(
    ("outputs", "feeds", "names"),
    [
        ((BOXES, SCORES), (PIXELS,), AXIS[:2]),  # which scale?
        ((replace(YOLO, dtype="int8"),), (WIDE,), AXIS[:2]),  # it reads uint8
        ((replace(YOLO, shape=(1, 85, 25200), permutation=(0, 2, 1)),), (WIDE,), AXIS[:4]),  # no rows of detections
        ((replace(YOLO, shape=(1, 1000)),), (WIDE,), AXIS[:4]),
        ((YOLO,), (WIDE, WIDE), AXIS[2:]),  # which picture?
        ((YOLO,), (replace(VALUES, port=replace(IMAGE, shape=(1, 40), permutation=(0, 1))),), AXIS[2:]),
    ],
)
def test_axis_names_are_left_out_where_they_make_no_sense(
    outputs: tuple[Port, ...], feeds: tuple[Feed, ...], names: tuple[str, ...]
) -> None:
    assert set(macros(header(*outputs, feeds=feeds))) & set(AXIS) == set(names)


def test_a_part_of_a_network_says_which_buffers_go_where(tmp_path: Path, c_compiler: str) -> None:
    front = RestRecord(file="m.front.onnx", reads=(Wire(name="sound", maker=Maker.SOURCE),), gives=("image",))
    reads = (Wire(name="out", maker=Maker.CHIP), Wire(name="limit", maker=Maker.SOURCE))
    tail = RestRecord(file="m.tail.onnx", reads=reads, gives=("kept",))
    division = DivisionRecord(
        inputs=("sound", "limit"), front=front, entry=(), cut=("out",), tail=tail, outputs=(), reasons=()
    )
    text = c_header("m", contract(BOXES, SCORES), division)
    assert "Before this one runs m.front.onnx. It gives image (input 0)." in text
    assert "Behind it runs m.tail.onnx. It reads out (output 0 and output 1), limit (not of this file)." in text
    assert "Before" not in c_header("m", contract(BOXES, SCORES), replace(division, front=None))
    run_c(c_compiler, tmp_path, text, "")
