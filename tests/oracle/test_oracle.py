"""Our files beside TFLiteConverter's, of Keras layers, ONNX nodes and the zoo: they differ as is known, and no more.

`differences.toml` holds them, grouped by why they are so. A new one is a fault of ours, or gets its reason there; one
that has vanished is taken out.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dlpuconv.errors import DlpuconvError
from tests.once import once
from tests.oracle.compare import Difference, differences
from tests.oracle.ours import converted
from tests.whole_zoo import ONLY_LARGE

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
KNOWN = Path(__file__).with_name("differences.toml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.zoo,
    pytest.mark.long,  # one test has the work of all
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="TensorFlow is not installed"),
]


@pytest.fixture(scope="module")
def found(zoo: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Difference]:
    """Every difference there is."""
    return once("oracle", tmp_path_factory, lambda: _found(zoo, tmp_path_factory.mktemp("oracle")))


def _found(zoo: Path, folder: Path) -> list[Difference]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.oracle.theirs", str(folder), str(zoo)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return sorted(each for file in sorted(folder.glob("*/*.npz")) for each in _of_model(file))


def _of_model(file: Path) -> Iterator[Difference]:
    model, theirs = f"{file.parent.name}/{file.stem}", file.with_suffix(".tflite")
    with np.load(file) as stored:
        columns = [stored[name] for name in sorted(stored.files)]
    samples = [[column[n : n + 1] for column in columns] for n in range(len(columns[0]))]
    try:
        ours = converted(next(s for s in _sources(file) if s.exists()), samples, file.parent)
    except DlpuconvError as error:
        yield Difference(model, "file", error.kind, "there" if theirs.exists() else "none")
        return
    if theirs.exists():
        yield from differences(model, ours, theirs.read_bytes())
    else:
        yield Difference(model, "file", "there", "none")


def _sources(file: Path) -> list[Path]:
    return [file.with_suffix(suffix) for suffix in (".keras", ".onnx")]


def known() -> list[Difference]:
    """Those that have a reason."""
    groups = tomllib.loads(KNOWN.read_text("utf-8"))["because"]
    return [Difference(*each) for group in groups for each in group["differences"]]


def test_each_known_difference_has_one_reason() -> None:
    groups = tomllib.loads(KNOWN.read_text("utf-8"))["because"]
    assert [group["reason"] for group in groups if len(group["reason"].split()) < 5] == []
    assert [each for each, count in Counter(known()).items() if count > 1] == []


def test_our_files_differ_from_the_converters_in_nothing_that_is_not_known(found: list[Difference]) -> None:
    new = set(found) - set(known())
    assert not new, "\n".join(f'["{d.model}", "{d.what}", "{d.ours}", "{d.theirs}"],' for d in sorted(new))


def test_no_known_difference_has_vanished(found: list[Difference], zoo: Path) -> None:
    absent = {f"zoo/{name}" for name in ONLY_LARGE if not (zoo / name).exists()}
    assert sorted(each for each in set(known()) - set(found) if each.model not in absent) == []


def test_no_operator_of_ours_has_a_newer_version_than_the_converters(found: list[Difference]) -> None:
    assert [each for each in found if each.what.endswith(": version")] == []
