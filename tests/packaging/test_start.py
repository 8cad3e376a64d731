"""What the command line costs before it does anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.verification.tflite_models import activation, conv, file_of

HEAVY = ("ai_edge_litert", "numpy", "onnx", "onnx2tf", "onnx_ir", "onnxruntime", "PIL", "tensorflow", "torch")
MODULES = {"targets": 420, "--help": 320}
"""The most that are loaded, Python's own among them; `targets` loads the plugins."""


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own; its last lines: how many modules it imported, and which heavy ones."""
    code = f"""
import sys
from dlpuconv.cli import main
try:
    status = main({list(arguments)!r})
finally:
    print(len(sys.modules))
    print("imported:", *(name for name in {HEAVY!r} if name in sys.modules))
sys.exit(status)
"""
    return subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    "arguments", [("targets",), ("--help",), ("convert", "--help"), ("check", "--help"), ("--version",)]
)
def test_listing_and_help_import_no_heavy_library(arguments: tuple[str, ...]) -> None:
    done = start(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported:"]


@pytest.mark.parametrize("argument", MODULES)
def test_listing_and_help_load_few_modules_which_is_what_a_start_costs(argument: str) -> None:
    """Each takes about a thousandth of a second, on any machine; the seconds depend on what else it does."""
    assert int(start(argument).stdout.splitlines()[-2]) <= MODULES[argument]


def test_python_m_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    for name in ("dataclasses", "json", "numpy", "rich", "typer"):
        (tmp_path / f"{name}.py").write_text("print('a stranger ran')\n")
    command = [sys.executable, "-m", "dlpuconv", "targets", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=tmp_path, env={**environment, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    assert "stranger" not in done.stdout + done.stderr


@pytest.fixture
def four_megabytes(tmp_path: Path) -> Path:
    """An int8 network of four million weights."""
    x = activation("x", (1, 8, 8, 64))
    first = conv(x, "first", 1024)
    last = conv(first.output, "last", 3584, (1, 1))
    path = tmp_path / "m.tflite"
    path.write_bytes(file_of([x], last.outputs, first, last))
    assert path.stat().st_size > 4_000_000
    return path


def test_verifying_by_rules_alone_loads_nothing_heavier_than_numpy(four_megabytes: Path) -> None:
    done = start("verify", str(four_megabytes), "--target", "artpec8", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported:", "numpy"]


def test_importing_the_package_imports_nothing_else() -> None:
    code = f"import sys, dlpuconv; print([n for n in {(*HEAVY, 'rich', 'typer')!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["inspect", "compare"])
def test_looking_at_what_files_hold_imports_nothing_heavier_than_numpy(four_megabytes: Path, command: str) -> None:
    done = start(command, *[str(four_megabytes)] * (2 if command == "compare" else 1), "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["imported:", "numpy"]
