"""New packages are installed and green at once, and nothing that is there is replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlpuconv.cli import main
from dlpuconv.errors import OutputError, PluginError, UsageError
from dlpuconv.templates import new_backend, new_target
from tests.plugins.environment import Environment


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "tests"),
    [
        (("new-target", "mychip", "--base", "artpec8"), 12),
        (("new-target", "mychip", "--base", "cv75"), 12),
        (("new-backend", "mychip"), 18),
    ],
)
def test_a_new_package_is_installed_listed_and_green_at_once(
    tmp_path: Path, repository: Path, command: tuple[str, ...], tests: int
) -> None:
    fresh = Environment.make(tmp_path, repository)
    made = fresh.run("dlpuconv", *command)
    assert made.returncode == 0, made.stderr
    package = fresh.place / "dlpuconv-mychip"
    fresh.install(package)
    assert "mychip" in fresh.run("dlpuconv", "targets", "--quiet").stdout.split()
    done = fresh.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", package)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tests} passed" in done.stdout


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dlpuconv-mychip").mkdir()
    (tmp_path / "dlpuconv-mychip" / "pyproject.toml").write_text("mine")
    refused = pytest.raises(OutputError, match=r"dlpuconv-mychip is there already, and nothing is replaced")
    with refused:
        new_target("mychip", "artpec8", tmp_path)
    with refused:
        new_backend("mychip", tmp_path)
    assert contents(tmp_path) == {"dlpuconv-mychip/pyproject.toml": "mine"}


@pytest.mark.parametrize("name", ["", "My", "../x", "a b", "-x", "x-", "1x", "x_y", "ä", "x\n", 'x"', "a--b"])
def test_a_name_that_could_not_be_a_package_s_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a target"):
        new_target(name, "artpec8", tmp_path)
    with pytest.raises(UsageError, match="is no name for a backend"):
        new_backend(name, tmp_path)
    assert contents(tmp_path) == {}


def test_a_name_that_is_installed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is installed already"):
        new_target("cv25", "artpec8", tmp_path)
    with pytest.raises(UsageError, match="is installed already"):
        new_backend("onnx-float", tmp_path)
    with pytest.raises(UsageError, match="a package 'dlpuconv_targets' is installed already"):
        new_target("targets", "artpec8", tmp_path)  # it would hide the built-in targets
    assert contents(tmp_path) == {}


def test_a_base_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no target named 'artpek8' \(did you mean 'artpec8'\?\)"):
        new_target("mychip", "artpek8", tmp_path)


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-target", "my-chip-2", "--base", "cv25", "--output", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert set(contents(tmp_path / "dlpuconv-my-chip-2")) == {
        "README.md", "pyproject.toml", "src/dlpuconv_my_chip_2/__init__.py", "tests/test_my_chip_2.py",
    }  # fmt: skip
    assert f"next: pip install -e {tmp_path / 'dlpuconv-my-chip-2'} && pytest" in told
    code = (tmp_path / "dlpuconv-my-chip-2/src/dlpuconv_my_chip_2/__init__.py").read_text()
    assert "from dlpuconv_targets.cv25 import CV25\n" in code
    assert "{{" not in "".join(contents(tmp_path).values())
