"""Whatever a report or a README prints is run: on real pictures, for each kind of file, against the float model."""

from __future__ import annotations

import contextlib
import html
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from dlpuconv.contract import contract_of_file
from dlpuconv.formats.detect import read
from dlpuconv.formats.manifest_file import find_manifest
from dlpuconv.verification.translate import to_artifact
from tests.contract.cases import CASES, MEAN, STD, Made, made, pictures, wide_picture
from tests.contract.support import defined, run_c

if TYPE_CHECKING:
    from dlpuconv.contract import Feed
    from tests.contract.support import Array

pytestmark = pytest.mark.slow
COUNT = 6


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture(params=CASES, scope="module")
def file(request: pytest.FixtureRequest, root: Path) -> Made:
    return made(request.param, root)


def snippets(page: str) -> dict[str, str]:
    """Code on the page, by title."""
    block = r'<div class="snippet">\s*<div class="head"><h3>([^<]*)</h3>.*?<pre[^>]*><code>(.*?)</code></pre>'
    found = re.findall(block, page, re.DOTALL)
    return {html.unescape(title): html.unescape(code) for title, code in found}


def python_of(file: Made, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(file.folder)
    return defined(snippets(file.page)["Python"])


def samples(file: Made) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    """What an application has for each input of the file, in the file's axes, and what the source model takes."""
    rng = np.random.default_rng(1)
    found: list[tuple[dict[str, Array], dict[str, Array]]] = []
    for number in range(COUNT):
        if file.case.model == "split":
            real = rng.uniform(-1, 1, (1, 3, 16, 16)).astype(np.float32)
            found.append(({"images": real.transpose(0, 2, 3, 1)}, {"images": real}))
            continue
        if file.case.model == "whole numbers":
            ids = rng.integers(0, 50, (1, 5))
            found.append(({"ids": ids}, {"ids": ids}))
            continue
        pixels = pictures(COUNT, gray=file.case.gray)[number : number + 1]
        real = file.source_pixels(pixels)
        name = file.converted.contract.inputs[0].port.name
        if file.case.normalized or (file.case.model == "small" and not file.case.options):
            has = {name: real.transpose(0, 2, 3, 1)}
        else:
            has = {name: pixels.transpose(0, 3, 1, 2) if file.case.planar else pixels}
        takes = {name: real}
        if file.case.model == "two inputs":
            has["numbers"] = takes["numbers"] = rng.uniform(-3, 5, (1, 4)).astype(np.float32)
        found.append((has, takes))
    return found


def decibels(expected: list[Array], found: list[Array]) -> float:
    signal, noise = np.concatenate(expected).ravel(), np.concatenate(found).ravel()
    assert signal.shape == noise.shape
    return float(10 * np.log10(np.sum(signal**2.0) / max(np.sum((signal - noise) ** 2.0), 1e-30)))


def compare(expected: list[dict[str, Array]], found: list[dict[str, Array]], least_db: float) -> None:
    assert all(set(one) == set(other) for one, other in zip(expected, found, strict=True))
    for name, value in expected[0].items():
        one, other = [a[name] for a in expected], [a[name] for a in found]
        if np.issubdtype(value.dtype, np.floating):
            assert decibels(one, other) > least_db, name
        else:
            assert np.mean(np.stack(one) == np.stack(other)) > 0.85, name


def test_the_pages_python_answers_real_pictures_as_the_float_model_does(
    file: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = python_of(file, monkeypatch)["run"]
    given = samples(file)
    compare([file.answers(**takes) for _, takes in given], [run(*has.values()) for has, _ in given], file.case.least_db)


def test_the_headers_c_makes_the_same_codes_and_values_as_the_python(
    file: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, c_compiler: str
) -> None:
    (header,) = (path.read_text() for path in file.folder.glob("*.model_params.h"))
    assert header in snippets(file.page).values()
    contract = file.converted.contract
    names = python_of(file, monkeypatch)
    seen: dict[str, list[Array]] = {}

    def infer(*codes: Array) -> list[Array]:
        seen["codes"], seen["raw"] = list(codes), original(*codes)
        return seen["raw"]

    original, names["infer"] = names["infer"], infer
    (has, takes), *_ = samples(file)
    names["run"](*has.values())
    ports = tuple(feed.port for feed in contract.inputs)
    verified = to_artifact(takes, ports, file.converted.artifact.bindings)  # what the report was measured with
    for number, feed in enumerate(contract.inputs):
        assert np.array_equal(seen["codes"][number], verified[feed.port.name])
        if feed.pixel_offset is None and feed.port.quantization is None:
            continue  # whole numbers: there is nothing to do
        given = np.ascontiguousarray(has[feed.port.name])
        codes = run_c(c_compiler, tmp_path / f"in{number}", header, _feeding(number, feed), given.tobytes())
        assert codes == np.ascontiguousarray(seen["codes"][number]).tobytes()
    for number, port in enumerate(contract.outputs):
        if port.quantization is None:
            continue
        raw = np.ascontiguousarray(seen["raw"][number])
        body = f"""    {port.dtype}_t code;
    float real;
    while (fread(&code, sizeof code, 1, stdin) == 1) {{
        real = model_output_{number}_to_real(code);
        fwrite(&real, sizeof real, 1, stdout);
    }}"""
        real = np.frombuffer(run_c(c_compiler, tmp_path / f"out{number}", header, body, raw.tobytes()), np.float32)
        scale, zero_point = np.float32(port.quantization.scale), np.float32(port.quantization.zero_point)
        assert np.array_equal(real.reshape(raw.shape), (raw.astype(np.float32) - zero_point) * scale)


def _feeding(number: int, feed: Feed) -> str:
    what, kind = ("from_pixel", "uint8_t") if feed.binding.raw_pixels else ("from_real", "float")
    return f"""    {kind} value;
    {feed.port.dtype}_t code;
    while (fread(&value, sizeof value, 1, stdin) == 1) {{
        code = model_input_{number}_{what}(value);
        fwrite(&code, sizeof code, 1, stdout);
    }}"""


def test_the_readmes_code_is_the_pages_and_its_comparison_finds_what_the_camera_should_give(
    file: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    (readme,) = (path.read_text() for path in file.folder.glob("*.README.md"))
    network, take, check = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    assert network == snippets(file.page)["Python"]
    monkeypatch.chdir(file.folder)
    exec(take, {})
    contract, reference = file.converted.contract, file.converted.reference
    assert reference is not None
    names = defined(network)
    codes = [
        np.fromfile(f"input_{number}.bin", feed.port.dtype).reshape(feed.port.shape)
        for number, feed in enumerate(contract.inputs)
    ]
    for number, raw in enumerate(names["infer"](*codes)):
        raw.tofile(f"output_{number}.bin")  # as larod-client leaves it
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(check, {})
    assert printed.getvalue().splitlines() == [
        f"output {number}: 100.0% equal, the largest difference is 0" for number in range(len(contract.outputs))
    ]


LAROD = """#!{python}
import sys
from pathlib import Path
import numpy as np
from dlpuconv.formats.detect import read, runner

words = sys.argv[1:]
files = {{flag: [words[i + 1] for i, word in enumerate(words) if word == flag] for flag in ("-g", "-i", "-o")}}
if files["-g"] and files["-i"] != [""]:
    view = read(Path(files["-g"][0]))
    inputs, outputs = ([view.tensors[i] for i in indices] for indices in (view.inputs, view.outputs))
    feed = {{t.name: np.fromfile(f, t.dtype).reshape(t.shape) for t, f in zip(inputs, files["-i"], strict=True)}}
    answer = runner(Path(files["-g"][0])).run(feed)
    for tensor, file in zip(outputs, files["-o"], strict=True):
        answer[tensor.name].tofile(file)
"""
"""Stands for a camera's larod-client: raw inputs from files, raw outputs to files."""


@pytest.mark.parametrize("name", ["raw int8", "two inputs", "split"])
def test_the_readmes_commands_run_the_file_on_the_reference_inputs(
    name: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool, text in (("larod-client", LAROD.format(python=sys.executable)), ("journalctl", "#!/bin/sh\n")):
        (tmp_path / tool).write_text(text)
        (tmp_path / tool).chmod(0o755)
    file = made(name, root)
    (readme,) = (path.read_text() for path in file.folder.glob("*.README.md"))
    _, take, check = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    (shell,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    monkeypatch.chdir(file.folder)
    for output in Path().glob("output_*.bin"):
        output.unlink()
    exec(take, {})
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", shell], check=True, env=environment)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(check, {})
    assert printed.getvalue().count("100.0% equal") == len(file.converted.contract.outputs)


def test_the_project_readmes_recipe_puts_outputs_of_every_kind_together(
    file: Made, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = python_of(file, monkeypatch)
    original = names["infer"]
    raw: dict[str, Array] = {}

    def infer(*codes: Array) -> list[Array]:
        found: list[Array] = original(*codes)
        raw.update(zip((port.name_in_file for port in file.converted.contract.outputs), found, strict=True))
        return found

    names["infer"] = infer
    (has, _), *_ = samples(file)
    expected = names["run"](*has.values())
    section = (repository / "docs" / "outputs.md").read_text().split("## Inputs and outputs that mix ranges\n")[1]
    (recipe, *_) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    known: dict[str, Any] = {"manifest": manifest_of(file), "raw": raw, "numpy": np}
    exec(recipe, known)
    assert set(known["source"]) == set(expected)
    for name, value in expected.items():
        assert known["source"][name] == pytest.approx(value, rel=1e-6)


def manifest_of(file: Made) -> dict[str, Any]:
    (path,) = file.folder.glob("*.artpec9.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_file_with_its_manifest_tells_what_the_conversion_knew(file: Made) -> None:
    path = file.folder / file.converted.name
    view = read(path)
    said, knew = contract_of_file(view, find_manifest(path)), file.converted.contract
    assert said.known
    assert [(feed.picture, feed.pixel_offset) for feed in said.inputs] == [
        (feed.picture, feed.pixel_offset) for feed in knew.inputs
    ]
    for one, other in zip(
        (*said.outputs, *(feed.port for feed in said.inputs)), (*knew.outputs, *(feed.port for feed in knew.inputs)),
        strict=True,
    ):  # fmt: skip
        assert (one.name, one.name_in_file, one.shape, one.source_shape, one.permutation, one.part) == (
            other.name, other.name_in_file, other.shape, other.source_shape, other.permutation, other.part
        )  # fmt: skip
        assert (one.dtype, one.quantization) == (other.dtype, other.quantization)


def test_the_manifest_says_how_each_kind_of_picture_goes_in(root: Path) -> None:
    def entry(name: str) -> tuple[int | None, dict[str, Any] | None]:
        (first, *_) = manifest_of(made(name, root))["inputs"]
        return first["pixel_offset"], first["picture"]

    plain = {"color": "RGB", "resize": "stretch", "letterbox_fill": None, "mean": None, "std": None}
    assert entry("raw") == (0, plain)
    assert entry("raw int8") == (-128, plain)
    assert entry("raw BGR") == (0, plain)
    assert entry("gray") == (0, plain | {"color": "GRAY"})
    assert entry("letterboxed") == (0, plain | {"resize": "letterbox", "letterbox_fill": 114})
    assert entry("normalized") == (None, plain | {"mean": list(MEAN), "std": list(STD)})
    bgr = plain | {"color": "BGR", "mean": list(MEAN[::-1]), "std": list(STD[::-1])}
    assert entry("normalized BGR") == (None, bgr)
    assert entry("unstated") == (None, plain | {"mean": [0.0] * 3, "std": [1.0] * 3})
    assert entry("two inputs") == (0, plain | {"resize": None})
    assert entry("split") == (None, None)


def test_a_picture_letterboxed_as_the_manifest_says_is_answered_as_calibration_would_have_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = made("letterboxed", root)
    run = python_of(file, monkeypatch)["run"]
    fill = manifest_of(file)["inputs"][0]["picture"]["letterbox_fill"]
    assert f"the rest filled with gray ({fill})" in " ".join(html.unescape(file.page).split())
    expected, found = [], []
    for number in range(COUNT):
        canvas = np.full((1, 32, 32, 3), fill, np.uint8)
        small = wide_picture(number).resize((32, 16), Image.Resampling.BILINEAR)
        canvas[0, 8:24] = np.asarray(small)
        expected.append(file.answers(input=file.source_pixels(canvas)))
        found.append(run(canvas))
    compare(expected, found, file.case.least_db)


def test_the_float_model_of_a_package_answers_raw_pixels_too(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("raw BGR", "gray"):
        file = made(name, root, "cv25")
        monkeypatch.chdir(file.folder)
        run = defined(snippets(file.page)["Python, for the float model in the package"])["run"]
        expected, found = [], []
        for number in range(COUNT):
            pixels = pictures(COUNT, gray=file.case.gray)[number : number + 1]
            expected.append(file.answers(**{file.converted.contract.inputs[0].port.name: file.source_pixels(pixels)}))
            found.append(run(pixels.transpose(0, 3, 1, 2)))
        names = {port.name_in_file: port.name for port in file.converted.contract.outputs}
        compare(expected, [{names.get(key, key): value for key, value in one.items()} for one in found], 80)
