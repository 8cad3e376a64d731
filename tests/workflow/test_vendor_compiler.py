from __future__ import annotations

from pathlib import Path

import pytest

from dlpuconv.plugin import ExternalCompiler
from dlpuconv.workflow.vendor_compiler import compile_for_chip

TOOL = ExternalCompiler(executable="chipc", arguments=("-o", "{folder}", "{file}"), produces="{stem}_chip.bin")


def install(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for the vendor's tool, on PATH, in a folder whose name needs quoting."""
    tools = folder / "tools of others"
    tools.mkdir()
    (tools / "chipc").write_text(f"#!/bin/sh\n{script}\n")
    (tools / "chipc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    model = folder / "my model.tflite"
    model.write_bytes(b"content")
    return model


def test_the_compiled_file_and_the_log_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = install(tmp_path, 'echo mapped; cp "$3" "$2/my model_chip.bin"', monkeypatch)
    done = compile_for_chip(TOOL, model)
    assert (done.file, done.content, done.problem) == ("my model_chip.bin", b"content", "")
    assert done.to_json()["log"] == ["mapped"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my model.tflite", "tools of others"]


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo internal compiler error; exit 1", "chipc failed with status 1: internal compiler error"),
        ("echo done", "chipc left no my model_chip.bin; it printed: done"),
    ],
)
def test_a_compiler_that_fails_is_a_problem_that_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    done = compile_for_chip(TOOL, install(tmp_path, script, monkeypatch))
    assert done.problem == problem
    assert done.content == b""


def test_without_the_compiler_there_is_a_command_to_run_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = compile_for_chip(TOOL, tmp_path / "m.tflite")
    assert done.command == "chipc -o . m.tflite"
    assert (done.file, done.content, done.problem) == ("m_chip.bin", b"", "")
