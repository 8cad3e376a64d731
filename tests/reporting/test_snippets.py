"""The code on the page is right: it is run, and compared with what the file and its ports say."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from dlpuconv.formats.detect import runner
from dlpuconv.ir import InputBinding
from dlpuconv.plugin import Part, Port
from dlpuconv.reporting.contract import Contract, contract_of
from dlpuconv.reporting.snippet_c import c_snippet
from dlpuconv.reporting.snippet_python import python_snippet
from dlpuconv.verification.translate import from_artifact
from tests.reporting.material import material
from tests.verification.test_layers import converted
from tests.verification.test_verify_file import converted as one_layer
from tests.verification.test_verify_file import manifest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
IMAGE = Port(
    name="image",
    source_shape=(1, 3, 2, 2),
    shape=(1, 2, 2, 3),
    permutation=(0, 2, 3, 1),
    dtype="uint8",
    scale=1.0,
    zero_point=0,
)
BOXES = Port(
    name="out_part0",
    source_shape=(1, 4, 5),
    shape=(1, 5, 4),
    permutation=(0, 2, 1),
    dtype="uint8",
    scale=2.5,
    zero_point=3,
    part=Part(output="out", axis=1, start=0, stop=4),
)
SCORES = replace(
    BOXES,
    name="out_part1",
    source_shape=(1, 2, 5),
    shape=(1, 5, 2),
    dtype="int8",
    scale=1 / 256,
    zero_point=-128,
    part=Part(output="out", axis=1, start=4, stop=6),
)


def contract(*outputs: Port, image: Port = IMAGE, raw: bool = True) -> Contract:
    binding = InputBinding(name=image.name, raw_pixels=raw)
    return Contract(inputs=(image,), outputs=outputs, bindings={image.name: binding}, known=True)


def defined(code: str, **names: Any) -> dict[str, Any]:
    """What a snippet defines; `infer` may be replaced."""
    found: dict[str, Any] = {}
    exec(compile(code, "snippet", "exec"), found)
    found.update(names)
    return found


def answering(*raw: npt.NDArray[Any]) -> tuple[Callable[..., list[npt.NDArray[Any]]], list[npt.NDArray[Any]]]:
    """An `infer` that gives these arrays, and what it was called with."""
    given: list[npt.NDArray[Any]] = []

    def infer(*codes: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
        given.extend(codes)
        return list(raw)

    return infer, given


def without_network(code: str) -> str:
    """Only the function `run`: the file that the snippet opens is not there."""
    return "import numpy as np\n" + code[code.index("def run(") :]


def test_python_runs_the_file_and_gives_real_values(tmp_path: Path) -> None:
    found = material(tmp_path, compared=False)
    path = tmp_path / "m.tflite"
    code = python_snippet(str(path), contract_of(found.view, None), "tflite")
    real = np.array([[0.5, -0.25, 1.0]], np.float32)
    codes = np.rint(real * 127).astype(np.int8)
    expected = (runner(path).run({"x": codes})["y"].astype(np.float32) - 128) * np.float32(2 / 127)
    got = defined(code)["run"](real)
    assert list(got) == ["y"]
    assert got["y"] == pytest.approx(expected, rel=1e-6)


def test_python_gives_the_source_models_order_of_axes_and_joins_parts() -> None:
    random = np.random.default_rng(0)
    raw = [random.integers(0, 255, BOXES.shape, np.uint8), random.integers(-128, 127, SCORES.shape, np.int8)]
    infer, given = answering(*raw)
    code = without_network(python_snippet("m.tflite", contract(BOXES, SCORES), "tflite"))
    pixels = random.integers(0, 255, IMAGE.shape, np.uint8)
    got = defined(code, infer=infer)["run"](pixels)["out"]
    assert got.shape == (1, 6, 5)
    assert got[:, :4] == pytest.approx(from_artifact(raw[0], BOXES))
    assert got[:, 4:] == pytest.approx(from_artifact(raw[1], SCORES))
    assert np.array_equal(given[0], pixels)  # raw pixels are codes already
    assert given[0].dtype == np.uint8


def test_python_rounds_and_clips_real_inputs_as_the_verifier_does() -> None:
    image = replace(IMAGE, scale=0.5, zero_point=-10, dtype="int8")
    infer, given = answering(np.zeros((1, 5, 4), np.uint8))
    code = without_network(python_snippet("m.tflite", contract(BOXES, image=image, raw=False), "tflite"))
    values = np.array([-1000.0, -0.26, 0.0, 0.24, 0.76, 1000.0] * 2, np.float32).reshape(IMAGE.shape)
    defined(code, infer=infer)["run"](values)
    assert given[0].ravel()[:6].tolist() == [-128, -11, -10, -10, -8, 127]
    assert given[0].dtype == np.int8


def test_a_hostile_name_is_a_name_in_python_and_in_c() -> None:
    evil = replace(BOXES, name='"""\'); raise SystemExit(1) #\n*/ int main', part=None, source_shape=BOXES.shape)
    evil = replace(evil, permutation=(0, 1, 2))
    infer, _ = answering(np.zeros((1, 5, 4), np.uint8))
    for known in (True, False):
        given = replace(contract(evil), known=known)
        got = defined(without_network(python_snippet("m\n'.tflite", given, "tflite")), infer=infer)["run"](0)
        assert list(got) == [evil.name]
    assert "\n*/ int main" not in c_snippet("m */ x", contract(evil))


def test_what_goes_in_is_said_in_words() -> None:
    assert "raw pixels 0 to 255, RGB, as the camera delivers them" in python_snippet("m", contract(BOXES), "tflite")
    folded = InputBinding(name="image", multiplier=(0.5,), offset=(1.0,))
    given = replace(contract(BOXES), bindings={"image": folded})
    assert "preprocessed as for the source model, times 0.5, plus 1" in python_snippet("m", given, "tflite")


def compiled(folder: Path, code: str, body: str) -> str:
    """What a C program of the snippet and this body of main prints."""
    assert COMPILER
    program = folder / "program.c"
    program.write_text(f"{code}\n#include <stdio.h>\nint main(void)\n{{\n{body}\n    return 0;\n}}\n")
    command = [COMPILER, "-std=c99", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", str(program)]
    subprocess.run([*command, "-o", str(folder / "program"), "-lm"], check=True, capture_output=True)
    return subprocess.run([str(folder / "program")], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_c_compiles_and_turns_every_code_into_its_real_value(tmp_path: Path) -> None:
    body = """
    for (int q = 0; q < 256; q++) printf("%.9g\\n", output_0_real((uint8_t)q));
    for (int q = -128; q < 128; q++) printf("%.9g\\n", output_1_real((int8_t)q));"""
    lines = compiled(tmp_path, c_snippet("m.tflite", contract(BOXES, SCORES)), body).split()
    got = np.array(lines, np.float64)
    codes = np.arange(256)
    assert got[:256] == pytest.approx((codes - 3) * 2.5)
    assert got[256:] == pytest.approx(codes / 256)  # codes -128 to 127, less the zero point -128


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_c_rounds_and_clips_real_inputs(tmp_path: Path) -> None:
    image = replace(IMAGE, scale=0.5, zero_point=-10, dtype="int8")
    body = "\n".join(
        f'    printf("%d\\n", input_0_code({value}f));' for value in ("-1000.0", "-0.26", "0.0", "0.76", "1000.0")
    )
    code = c_snippet("m.tflite", contract(BOXES, image=image, raw=False))
    sizes = '    printf("%d %d\\n", INPUT_0_SIZE, OUTPUT_0_SIZE);'
    assert compiled(tmp_path, code, f"{body}\n{sizes}").split() == ["-128", "-11", "-10", "-8", "127", "12", "20"]


@pytest.mark.skipif(not COMPILER, reason="no C compiler")
def test_c_of_a_real_file_agrees_with_python(tmp_path: Path) -> None:
    content = converted()
    found = material(tmp_path, content, compared=False)
    ends = contract_of(found.view, None)
    raw = runner(tmp_path / "m.tflite").run({"x": np.array([[64, -32, 127]], np.int8)})["y"].ravel()
    body = "\n".join(f'    printf("%.9g\\n", output_0_real({code}));' for code in raw)
    real = defined(python_snippet(str(tmp_path / "m.tflite"), ends, "tflite"))["run"](np.array([[64, -32, 127]]) / 127)
    got = np.array(compiled(tmp_path, c_snippet("m", ends), body).split(), np.float64)
    assert got == pytest.approx(real["y"].ravel(), rel=1e-6)


def test_the_contract_of_a_manifest_that_names_other_ends_is_not_used(tmp_path: Path) -> None:
    content = one_layer()
    other = manifest(content)
    other["outputs"][0]["file_name"] = "elsewhere"
    found = material(tmp_path, content, other, compared=False)
    assert not contract_of(found.view, found.sidecar).known
