"""Logits instead of probabilities, from the command line to what an application reads."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema
import numpy as np
import pytest

import dlpuconv
from tests.passes.rewriting import ints, model

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.support import Sandbox

pytestmark = pytest.mark.slow

X = np.random.default_rng(1).normal(0, 1, (25, 3, 8, 8)).astype(np.float32)


def detector(path: Path) -> Path:
    """Two layers of confident scores that are turned, flattened, made probabilities and joined; and boxes beside."""
    rng = np.random.default_rng(2)
    heads = "  ".join(
        f"c{i} = Conv<kernel_shape=[1,1]>(x, w{i})  s{i} = Sigmoid(c{i})  t{i} = Transpose<perm=[0,2,3,1]>(s{i})"
        f"  r{i} = Reshape(t{i}, rows)"
        for i in (0, 1)
    )
    source = model(
        "(float[1,3,8,8] x) => (float[1,128,2] scores, float[1,4,8,8] boxes)"
        f" {{ {heads}  scores = Concat<axis=1>(r0, r1)  boxes = Conv(x, v) }}",
        rows=ints(1, 64, 2),
        v=rng.normal(0, 1, (4, 3, 1, 1)).astype(np.float32),
        **{f"w{i}": rng.normal(0, 5, (2, 3, 1, 1)).astype(np.float32) for i in (0, 1)},
    )
    path.write_bytes(source.to_bytes())
    return path


def convert(sandbox: Sandbox, *more: str, target: str = "artpec8", status: int = 0) -> dict[str, Any]:
    """The manifest of a conversion, or what was said where it fails."""
    sandbox.root.mkdir(exist_ok=True)
    source, data = detector(sandbox.root / "detector.onnx"), sandbox.root / "data.npz"
    np.savez(data, x=X)
    done = sandbox.run(
        "convert", str(source), "--target", target, "--calibration", str(data), "--effort", "fast",
        "--output", str(sandbox.output), "--json", *more,
    )  # fmt: skip
    assert done.returncode == status, done.stderr
    manifest: dict[str, Any] = json.loads((sandbox.output / f"detector.{target}.json").read_text())
    schema = json.loads(files("dlpuconv.manifest").joinpath("manifest.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(manifest)
    return manifest


def by_readme(repository: Path, manifest: dict[str, Any], raw: dict[str, Any]) -> dict[str, Any]:
    """What the code of docs/outputs.md makes of the codes that a camera reads."""
    section = (repository / "docs" / "outputs.md").read_text().split("## Inputs and outputs that mix ranges\n")[1]
    names: dict[str, Any] = {"manifest": manifest, "raw": raw, "numpy": np}
    for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL)[:2]:
        exec(code, names)
    found: dict[str, Any] = names["source"]
    return found


def test_confident_scores_become_logits_and_everybody_still_reads_scores(sandbox: Sandbox, repository: Path) -> None:
    manifest = convert(sandbox)
    assert manifest["schema_version"] == 3
    scores, boxes = manifest["outputs"]
    assert scores["activation"] == {"kind": "sigmoid", "output": "scores"}
    assert (scores["file_name"], boxes["file_name"]) == ("scores_logits", "boxes")
    assert "LOGISTIC" not in manifest["facts"]["ops"]
    assert any("logits instead of probabilities" in told for told in manifest["report"]["warnings"])
    lowest, highest = ((code - scores["zero_point"]) * scores["scale"] for code in (0, 255))
    assert lowest <= -6.9
    assert highest >= 6.9

    file, source = sandbox.output / "detector.artpec8.tflite", sandbox.root / "detector.onnx"
    with dlpuconv.load(file) as network, dlpuconv.load(source) as whole:
        got, expected = network(X[:1]), whole(X[:1])
    assert list(got) == list(expected)
    assert np.abs(got["scores"] - expected["scores"]).max() < 0.15
    told = dlpuconv.verify(file, target="artpec8", reference=source, data={"x": X}).report
    assert told.passed
    assert told.parity is not None
    assert {output.source for output in told.parity.outputs} == {"scores", "boxes"}
    with np.load(sandbox.output / "detector.artpec8.reference.npz") as reference:
        assert reference["output.scores_logits"].dtype == np.uint8
        ends = [reference[f"source_output.scores.{at}"] for at in range(3)]
        reference_codes = {name: reference[f"output.{name}"] for name in ("scores_logits", "boxes")}
    codes = reference_codes["scores_logits"].astype(np.float64)
    logits = (codes - scores["zero_point"]) * scores["scale"]
    assert np.stack(ends) == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-6)
    raw = {name: reference_codes[name][0] for name in ("scores_logits", "boxes")}
    assert by_readme(repository, manifest, raw)["scores"] == pytest.approx(ends[0], abs=1e-6)
    header = (sandbox.output / "detector.artpec8.model_params.h").read_text()
    assert "float model_output_0_to_probability(uint8_t code)" in header
    readme = (sandbox.output / "detector.artpec8.README.md").read_text()
    assert "These are logits and no probabilities: the source model's scores is 1 / (1 + exp(-real))." in readme
    assert "such as `source_output.scores.0`" in readme


def test_kept_scores_are_what_they_were(sandbox: Sandbox) -> None:
    manifest = convert(sandbox, "--final-activation", "keep")
    assert manifest["schema_version"] == 1
    assert [output["name"] for output in manifest["outputs"]] == ["scores", "boxes"]
    assert manifest["request"]["final_activation"] == "keep"
    assert manifest["facts"]["ops"]["LOGISTIC"] == 2


def test_onnx_files_give_logits_too(sandbox: Sandbox) -> None:
    manifest = convert(sandbox, target="onnxruntime")
    scores = manifest["outputs"][0]
    assert (scores["name"], scores["dtype"]) == ("scores_logits", "float32")
    with dlpuconv.load(sandbox.output / "detector.onnxruntime.onnx") as network:
        got = network(X[:1])["scores"]
    assert 0 <= got.min() <= got.max() <= 1


def test_what_a_tail_reads_stays_what_it_reads(sandbox: Sandbox) -> None:
    manifest = convert(sandbox, "--cut-at", "s0,c1,boxes", "--tail", "auto")
    assert manifest["schema_version"] == 2
    assert all("activation" not in output for output in manifest["outputs"])
    assert {output["name"] for output in manifest["outputs"]} == {"s0", "c1", "boxes"}


def test_logits_of_different_ranges_are_split_and_joined_before_they_become_probabilities(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    rows = "r{0} = Reshape(a{0}, s{0})  t{0} = Transpose<perm=[0,2,1]>(r{0})"
    source = model(
        "(float[1,3,8,8] x) => (float[1,64,3] y) {"
        f" a0 = Conv(x, w0)  {rows.format(0)}  a1 = Conv(x, w1)  {rows.format(1)}"
        " c = Concat<axis=2>(t0, t1)  y = Softmax<axis=2>(c) }",
        w0=rng.normal(0, 0.005, (1, 3, 1, 1)).astype(np.float32),
        w1=rng.normal(0, 20, (2, 3, 1, 1)).astype(np.float32),
        s0=ints(1, 1, 64),
        s1=ints(1, 2, 64),
    ).to_proto()
    done = dlpuconv.convert(
        source,
        target="artpec8",
        calibration={"x": X},
        effort="fast",
        final_activation="cut",
        progress=None,
        cache=False,
    )
    (file,) = done.save(tmp_path)
    parts = json.loads((tmp_path / f"{file.stem}.json").read_text())["outputs"]
    assert [part["name"] for part in parts] == ["y_logits_part0", "y_logits_part1"]
    assert all(part["activation"] == {"kind": "softmax", "output": "y", "axis": 2} for part in parts)
    assert done.report.passed
    with dlpuconv.load(file) as network:
        scores = network(X[:1])["y"]
    assert scores.shape == (1, 64, 3)
    assert scores.sum(axis=2) == pytest.approx(1, abs=1e-6)
