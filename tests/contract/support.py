"""Ends of files, and what runs the code that is written about them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.contract import Contract, Feed, Picture, python_snippet
from dlpuconv.formats.kinds import TFLITE
from dlpuconv.ir import Affine, InputBinding
from dlpuconv.plugin import Part, Port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    type Array = npt.NDArray[Any]

IMAGE = Port(
    name="image",
    source_shape=(1, 3, 2, 2),
    shape=(1, 2, 2, 3),
    permutation=(0, 2, 3, 1),
    dtype="uint8",
    quantization=Affine.of(1 / 255, 121),
)
BOXES = Port(
    name="out_part0",
    source_shape=(1, 4, 5),
    shape=(1, 5, 4),
    permutation=(0, 2, 1),
    dtype="uint8",
    quantization=Affine.of(2.5, 3),
    part=Part(output="out", axis=1, start=0, stop=4),
)
SCORES = replace(
    BOXES,
    name="out_part1",
    source_shape=(1, 2, 5),
    shape=(1, 5, 2),
    dtype="int8",
    quantization=Affine.of(1 / 256, -128),
    part=Part(output="out", axis=1, start=4, stop=6),
)
PIXELS = Feed(port=IMAGE, binding=InputBinding(name="image", raw_pixels=True), picture=Picture(color="RGB"))
VALUES = replace(PIXELS, binding=InputBinding(name="image"), picture=None)


def contract(*outputs: Port, feeds: tuple[Feed, ...] = (PIXELS,), known: bool = True) -> Contract:
    return Contract(inputs=feeds, outputs=outputs, known=known)


def defined(code: str, **names: Any) -> dict[str, Any]:
    """What a snippet defines; `infer` may be replaced."""
    found: dict[str, Any] = {}
    exec(compile(code, "snippet", "exec"), found)
    found.update(names)
    return found


def answering(*raw: Array) -> tuple[Callable[..., list[Array]], list[Array]]:
    """An `infer` that gives these arrays, and what it was called with."""
    given: list[Array] = []

    def infer(*codes: Array) -> list[Array]:
        given.extend(codes)
        return list(raw)

    return infer, given


def without_network(code: str) -> str:
    """Only the function `run`: the file that the snippet opens is not there."""
    return "import numpy as np\n" + code[code.index("def run(") :]


def fed(feed: Feed, values: Any) -> Array:
    """The codes that the Python code makes of what an application has."""
    infer, given = answering(np.zeros(BOXES.shape, np.uint8))
    code = without_network(python_snippet("m.tflite", contract(BOXES, feeds=(feed,)), TFLITE))
    defined(code, infer=infer)["run"](values)
    return given[0]


AXIS_WARNINGS = (
    "-Wall", "-Wextra", "-Wformat=2", "-Wpointer-arith", "-Wbad-function-cast", "-Wstrict-prototypes",
    "-Wmissing-prototypes", "-Winline", "-Wdisabled-optimization", "-Wfloat-equal", "-W", "-Werror",
)  # fmt: skip
"""Of the Makefile of Axis' example object-detection-yolov5."""


def run_c(compiler: str, folder: Path, header: str, body: str, given: bytes = b"") -> bytes:
    """What a C program of this header and this body of main writes; twice included, as headers are."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_params.h").write_text(header, encoding="utf-8")
    (folder / "main.c").write_text(
        '#include "model_params.h"\n#include "model_params.h"\n#include <stdio.h>\n'
        f"int main(void)\n{{\n{body}\n    return 0;\n}}\n"
    )
    flags = (*AXIS_WARNINGS, "-std=c99", "-pedantic", "-O1")
    subprocess.run([compiler, *flags, "main.c", "-o", "main", "-lm"], cwd=folder, check=True, capture_output=True)
    return subprocess.run([folder / "main"], input=given, check=True, capture_output=True).stdout
