from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dlpuconv.delivery import Reference, c_header
from dlpuconv.plugin import Port


def port(name: str = "images", **changes: object) -> Port:
    given: dict[str, object] = {
        "name": name,
        "source_shape": (1, 3, 4, 8),
        "shape": (1, 4, 8, 3),
        "permutation": (0, 2, 3, 1),
        "dtype": "uint8",
        "scale": 1 / 255,
        "zero_point": 0,
    }
    return Port(**(given | changes))  # type: ignore[arg-type]


def test_reference_data_come_back_as_they_went_in_and_are_the_same_bytes_each_time() -> None:
    x = np.arange(6, dtype=np.uint8).reshape(3, 2)
    y = np.array([[1], [2], [3]], np.int8)
    reference = Reference({"images": x}, {"scores/1": y})
    content = reference.to_npz()
    with np.load(io.BytesIO(content), allow_pickle=False) as back:
        assert sorted(back) == ["input.images", "output.scores/1"]
        assert np.array_equal(back["input.images"], x)
        assert np.array_equal(back["output.scores/1"], y)
        assert back["output.scores/1"].dtype == np.int8
    assert reference.to_npz() == content


def test_the_header_names_shape_scale_and_zero_point_of_each_end() -> None:
    header = c_header("model.artpec8", (port(),), (port("out", shape=(1, 10), zero_point=-3, scale=0.25),))
    assert "#define MODEL_INPUT_0_HEIGHT 4" in header
    assert "#define MODEL_INPUT_0_WIDTH 8" in header
    assert "#define MODEL_INPUT_0_CHANNELS 3" in header
    assert "#define MODEL_INPUT_0_SIZE 96" in header
    assert "#define MODEL_OUTPUT_0_SHAPE {1, 10}" in header
    assert "#define MODEL_OUTPUT_0_SCALE 0.25f" in header
    assert "#define MODEL_OUTPUT_0_ZERO_POINT (-3)" in header


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("name", ["images", "*/ int x; /*", "ünï\ncode"])
def test_a_c_compiler_accepts_the_header_and_reads_the_scale_unchanged(tmp_path: Path, name: str) -> None:
    scale = float(np.float32(0.0041905087))
    (tmp_path / "model_params.h").write_text(c_header("1 odd-name", (port(name, scale=scale),), (port(scale=2.0),)))
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "model_params.h"\n'
        "int main(void) { int s[] = MODEL_INPUT_0_SHAPE; float two = MODEL_OUTPUT_0_SCALE;"
        ' printf("%.9g %d %g", (double)MODEL_INPUT_0_SCALE, s[3], (double)two); return 0; }\n'
    )
    subprocess.run(["cc", "-Wall", "-Werror", "-std=c99", "-o", "main", "main.c"], cwd=tmp_path, check=True)
    printed = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.split()
    assert np.float32(printed[0]) == np.float32(scale)
    assert printed[1:] == ["3", "2"]
