"""The differences between our files and TFLiteConverter's: those that there are, and those that are known."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlpuconv.errors import DlpuconvError
from tests.oracle.compare import Difference, differences
from tests.oracle.ours import converted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("differences.toml")

NAMES = ("keras/*", "onnx/*", "zoo/*")
"""All that can be compared: Keras layers, ONNX nodes, models of the zoo."""


class OracleError(Exception):
    """TensorFlow's side could not be made."""


def compared(zoo: Path, folder: Path, names: Sequence[str] = NAMES) -> Iterator[tuple[str, list[Difference]]]:
    """Every name that the patterns match, with its differences.

    Args:
        zoo: folder of its models.
        folder: an empty one, for the files of both: `NAME.tflite` of the converter or `NAME.refused` with what it says,
            and `NAME.ours.tflite`.
        names: patterns.

    Raises:
        OracleError: the process that has TensorFlow failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle.theirs", str(folder), str(zoo), *names],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    if done.returncode:
        raise OracleError(done.stderr[-2000:])
    for file in sorted(folder.glob("*/*.npz")):
        name = f"{file.parent.name}/{file.stem}"
        yield name, list(_of_model(name, file))


def _of_model(name: str, file: Path) -> Iterator[Difference]:
    theirs = file.with_suffix(".tflite")
    with np.load(file) as stored:
        columns = [stored[name] for name in sorted(stored.files)]
    samples = [[column[n : n + 1] for column in columns] for n in range(len(columns[0]))]
    try:
        ours = converted(next(s for s in _sources(file) if s.exists()), samples, file.parent)
    except DlpuconvError as error:
        yield Difference(name, "file", error.kind, "there" if theirs.exists() else "none")
        return
    file.with_suffix(".ours.tflite").write_bytes(ours)
    if theirs.exists():
        yield from differences(name, ours, theirs.read_bytes())
    else:
        yield Difference(name, "file", "there", "none")


def _sources(file: Path) -> list[Path]:
    return [file.with_suffix(suffix) for suffix in (".keras", ".onnx")]


def known() -> list[Difference]:
    """Those that have a reason."""
    return [Difference(*each) for group in _groups() for each in group["differences"]]


def reasons() -> list[str]:
    """Why the known ones are so."""
    return [group["reason"] for group in _groups()]


def _groups() -> list[dict[str, Any]]:
    return list(tomllib.loads(KNOWN.read_text("utf-8"))["because"])
