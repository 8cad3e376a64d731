"""The README beside a file, where the real files of `tests/contract` do not reach."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from dlpuconv.contract import c_header
from dlpuconv.delivery import About, DividedNetwork, Reference, make_readme
from dlpuconv.division.division import Division, Rest
from tests.contract.support import BOXES, PIXELS, SCORES, VALUES, contract
from tests.verification.test_verify_file import CHIP

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ABOUT = About(
    name="m.chip.tflite",
    stem="m.chip",
    made_from="m",
    target=replace(CHIP, device="a-device"),
    contract=contract(BOXES, SCORES),
    runs_on_camera="m.chip.tflite",
    compile_with="",
    beside=("m.chip.json", "m.chip.reference.npz", "m.chip.model_params.h"),
    failed=(),
)


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_it_says_how_pixels_go_in_and_what_comes_out() -> None:
    text = make_readme(ABOUT)
    assert "- `image`: uint8 [1, 2, 2, 3] NHWC. It takes raw pixels 0 to 255, RGB, as the camera delivers them" in text
    assert "It gives codes: real = (code - 3) * 2.5; it is 0 to 3 on axis 1 of the source model's out." in text
    assert "failed" not in text


def test_the_functions_that_it_names_are_the_headers() -> None:
    labels = replace(BOXES, name="labels", dtype="int64", quantization=None, part=None)
    ends = contract(labels, BOXES, feeds=(PIXELS, VALUES))
    named = re.findall(r"^- `(model_\w+)\(", make_readme(replace(ABOUT, contract=ends)), re.MULTILINE)
    assert named == ["model_input_0_from_pixel", "model_input_1_from_real", "model_output_1_to_real"]
    assert re.findall(r"inline \w+ (\w+)\(", c_header("m", ends)) == named


def test_a_file_of_real_values_has_a_header_without_functions() -> None:
    real = replace(VALUES, port=replace(VALUES.port, dtype="float32", quantization=None))
    floats = contract(replace(SCORES, dtype="float32", quantization=None), feeds=(real,))
    assert "has the size of each buffer.\n" in make_readme(replace(ABOUT, contract=floats))
    assert "inline" not in c_header("m", floats)


def test_its_commands_have_every_input_and_output_and_survive_names_with_spaces() -> None:
    named = replace(ABOUT, name="my m.chip.tflite", runs_on_camera="my m.chip.tflite")
    (shell,) = blocks(make_readme(named), "sh")
    words = [shlex.split(line, comments=True) for line in shell.splitlines() if line]
    assert words[0] == ["larod-client", "-a"]
    assert words[1] == ["larod-client", "-g", "my m.chip.tflite", "-c", "a-device", "-R", "100", "-w", "5", "-i", ""]
    assert " ".join(words[2][5:]) == "-R 1 -i input_0.bin -o output_0.bin -o output_1.bin"
    assert words[3] == ["journalctl", "-u", "larod"]


def test_a_file_that_the_chips_compiler_still_has_to_see_is_compiled_first() -> None:
    text = make_readme(replace(ABOUT, runs_on_camera="m_edgetpu.tflite", compile_with="compiler -s m.chip.tflite"))
    first, then = blocks(text, "sh")
    assert first == "compiler -s m.chip.tflite\n"
    assert "-g m_edgetpu.tflite" in then


def test_a_file_that_failed_says_so_before_anything_else() -> None:
    text = make_readme(replace(ABOUT, failed=("the output is dead",)))
    assert text.index("**It failed verification") < text.index("- the output is dead") < text.index("## Inputs")


def test_it_lists_the_files_that_are_there_and_needs_no_reference() -> None:
    text = make_readme(replace(ABOUT, beside=("m.chip.json", "m.chip.model_params.h")))
    assert re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE) == [
        "m.chip.tflite",
        "m.chip.json",
        "m.chip.model_params.h",
    ]
    assert "reference" not in text
    assert len(blocks(text, "python")) == 1


def test_nothing_in_a_name_ends_the_code_that_it_stands_in() -> None:
    evil = "a`\n```\n# b | c"
    ends = contract(
        replace(BOXES, name=evil, part=None), feeds=(replace(VALUES, port=replace(PIXELS.port, name=evil)),)
    )
    text = make_readme(replace(ABOUT, contract=ends, made_from=evil, failed=(evil,)))
    assert len(re.findall(r"^```", text, re.MULTILINE)) == len(re.findall(r"^```", make_readme(ABOUT), re.MULTILINE))
    assert "\n# b" not in text.split("\n", 1)[1]
    for code in blocks(text, "python"):
        ast.parse(code)


def test_a_target_with_a_command_of_its_own_is_told_that_one() -> None:
    own = replace(CHIP, run_on_camera="run-it {file}")
    shell = blocks(make_readme(replace(ABOUT, target=own)), "sh")
    assert shell == ["run-it m.chip.tflite\n"]


def test_the_comparison_counts_codes_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    boxes, scores = np.zeros((2, *BOXES.shape), np.uint8), np.zeros((2, *SCORES.shape), np.int8)
    reference = Reference({}, {"out_part0": boxes, "out_part1": scores})
    (tmp_path / "m.chip.reference.npz").write_bytes(reference.to_npz())
    boxes[0, 0, 0] = [1, 2, 3, 4]
    boxes[0].tofile("output_0.bin")
    (scores[0] - 100).tofile("output_1.bin")
    exec(blocks(make_readme(ABOUT), "python")[2], {})
    assert capsys.readouterr().out.splitlines() == [
        "output 0: 80.0% equal, the largest difference is 4",
        "output 1: 0.0% equal, the largest difference is 100",
    ]


def test_a_part_of_a_network_tells_of_the_others_and_how_to_run_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = onnx.parser.parse_model("""
    <ir_version: 9, opset_import: ["" : 17]>
    g (float[1, 4, 5] out, float[1] limit) => (float[1, 4, 5] best) { best = Mul(out, limit) }
    """)
    tail = Rest(model=double, reads=("out", "limit"), gives=("best",), operators=("Mul 'm'",), macs=20)
    division = Division(
        inputs=("image", "limit"), outputs=("best",), entry=("image",), cut=("out",), tail=tail, macs=1000, crossing=20
    )
    divided = DividedNetwork(division=division, stem="m.chip.", native={"tail": b"TFL3"}, suffix=".tflite")
    beside = (*ABOUT.beside, *divided.files)
    text = make_readme(replace(ABOUT, divided=divided, beside=beside))
    assert "- tail: Mul runs on the CPU (2 % of the MACs; 20 bytes cross) - m.chip.tail.onnx\n" in text
    assert "larod-client -g m.chip.tail.tflite -c cpu-tflite" in text
    assert "| `m.chip.tail.onnx` | what the camera's CPU runs, see above |" in text
    assert "The front takes" not in text
    for name, content in divided.files.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    (code,) = (block for block in blocks(text, "python") if "def part(" in block)
    code = code.replace("given = {}", "given = {'image': 2}")
    code = code.replace("values = {}", "values = {'limit': np.array([3], np.float32)}")
    scope: dict[str, Any] = {"np": np, "run": lambda image: {"out": np.full((1, 4, 5), image, np.float32)}}
    exec(code, scope)
    np.testing.assert_array_equal(scope["values"]["best"], 6)
