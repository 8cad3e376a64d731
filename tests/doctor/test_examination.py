"""`dlpuconv doctor`: what it finds here is so, and what it misses elsewhere is told with the way to get it."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from dlpuconv.cli import main
from tests.packaging.test_optional_libraries import run
from tests.packaging.test_start import start


@pytest.mark.slow
def test_a_target_is_ready_where_its_network_of_one_layer_was_made_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    lowers = os.environ.get("DLPUCONV_LOWERING_PYTHON", sys.executable)
    if not (os.environ.get("DLPUCONV_LOWERING_PYTHON") or find_spec("onnx2tf")):
        pytest.skip("onnx2tf is not installed")
    assert main(["doctor", "--target", "artpec8,cv25", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ready"]
    artpec8, cv25 = found["targets"]
    assert (artpec8["name"], artpec8["ready"], artpec8["problem"]) == ("artpec8", True, "")
    (worker,) = artpec8["attendants"]
    assert worker["interpreter"] == lowers
    assert worker["libraries"]["onnx2tf"].startswith("2.6.")
    assert (cv25["name"], cv25["ready"], cv25["attendants"]) == ("cv25", True, [])


@pytest.mark.slow
def test_without_an_extra_its_targets_are_not_ready_and_the_way_to_get_it_is_told() -> None:
    done = run("doctor", "--target", "artpec8", "--target", "cv25")
    assert done.returncode == 12, done.stderr
    assert "artpec8  not ready" in done.stdout
    assert "cv25     ready" in done.stdout
    assert 'pip install "dlpuconv[tflite]"  # for artpec8\n' in done.stdout
    assert run("doctor", "--target", "cv25", "--quiet").stdout == "cv25  ready\n"


@pytest.mark.slow
def test_the_interpreter_of_the_lowering_worker_is_told_and_what_it_lacks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ai_edge_litert")
    monkeypatch.setenv("DLPUCONV_LOWERING_PYTHON", "/no/such/python")
    assert main(["doctor", "--target", "artpec8", "--json"]) == 12
    (target,) = json.loads(capsys.readouterr().out)["targets"]
    assert "'/no/such/python' cannot be started" in target["problem"]
    assert "DLPUCONV_LOWERING_PYTHON" in target["problem"]


def test_a_target_that_there_is_not_is_refused_with_the_closest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--target", "artpec99"]) == 8
    assert "did you mean 'artpec9'?" in capsys.readouterr().err


@pytest.mark.slow
def test_nothing_heavier_than_numpy_is_imported_here() -> None:
    done = start("doctor", "--target", "cv25", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported:", "numpy"]


@pytest.mark.slow
def test_a_compiler_is_looked_for_and_the_cache_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx2tf")
    compiler = tmp_path / "bin" / "edgetpu_compiler"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "a.npz").write_bytes(bytes(1000))
    monkeypatch.setenv("DLPUCONV_CACHE", str(cache))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    main(["doctor", "--target", "artpec7", "--json"])
    without = json.loads(capsys.readouterr().out)
    assert without["targets"][0]["compiler"] == {"executable": "edgetpu_compiler", "path": ""}
    assert "edgetpu_compiler" in without["remedies"][0]
    monkeypatch.setenv("PATH", f"{compiler.parent}:/usr/bin:/bin")
    main(["doctor", "--target", "artpec7", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["targets"][0]["compiler"]["path"] == str(compiler)
    assert found["remedies"] == []
    assert (found["cache"]["path"], found["cache"]["files"], found["cache"]["size"]) == (str(cache), 1, 1000)
