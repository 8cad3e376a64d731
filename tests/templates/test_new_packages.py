"""New packages are installed and green at once, and nothing that is there is replaced."""

from __future__ import annotations

import ast
import errno
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dlpuconv.cli import main
from dlpuconv.registry.entries import _installed
from dlpuconv.templates import new_backend, new_target
from tests.error_ids import raises_error
from tests.plugins.environment import Environment
from tests.plugins.support import GOOD, install


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "tests"),
    [
        (("new-target", "mychip", "--base", "artpec8"), 12),
        (("new-target", "mychip", "--base", "cv75"), 12),
        (("new-backend", "mychip"), 19),
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


@pytest.mark.parametrize("new", [lambda place: new_target("mychip", "cv25", place), lambda p: new_backend("mychip", p)])
def test_a_disk_that_is_full_midway_leaves_nothing_and_the_next_try_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new: Callable[[Path], list[Path]]
) -> None:
    write, left = Path.write_text, [2]

    def full_after_two(path: Path, *arguments: str) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, *arguments)

    monkeypatch.setattr(Path, "write_text", full_after_two)
    with raises_error("output-not-writable", "dlpuconv-mychip", "No space"):
        new(tmp_path)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
    made = new(tmp_path)
    assert list(tmp_path.iterdir()) == made[:1]
    assert all(path.is_file() for path in made[1:])


@pytest.mark.parametrize("name", ["softmax", "flatten-softmax", "advice"])
def test_names_in_a_new_module_are_told_apart_whatever_the_target_is_called(tmp_path: Path, name: str) -> None:
    new_target(name, "artpec8", tmp_path)
    (module,) = (tmp_path / f"dlpuconv-{name}" / "src").glob("*/__init__.py")
    assigned = [
        target.id
        for statement in ast.parse(module.read_text()).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    constant = name.replace("-", "_").upper()
    assert assigned == [f"{constant}_SOFTMAX", constant]


def test_nothing_that_is_there_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "dlpuconv-mychip").mkdir()
    (tmp_path / "dlpuconv-mychip" / "pyproject.toml").write_text("mine")
    with raises_error("output-not-replaced", "dlpuconv-mychip"):
        new_target("mychip", "artpec8", tmp_path)
    with raises_error("output-not-replaced", "dlpuconv-mychip"):
        new_backend("mychip", tmp_path)
    (tmp_path / "dlpuconv-mine").mkdir()  # a rename would replace an empty folder
    with raises_error("output-not-replaced", "dlpuconv-mine"):
        new_backend("mine", tmp_path)
    assert contents(tmp_path) == {"dlpuconv-mychip/pyproject.toml": "mine"}


@pytest.mark.parametrize("name", ["", "My", "../x", "a b", "-x", "x-", "1x", "x_y", "ä", "x\n", 'x"', "a--b"])
def test_a_name_that_could_not_be_a_package_s_is_refused(tmp_path: Path, name: str) -> None:
    with raises_error("plugin-name", "target"):
        new_target(name, "artpec8", tmp_path)
    with raises_error("plugin-name", "backend"):
        new_backend(name, tmp_path)
    assert contents(tmp_path) == {}


def test_a_name_that_is_installed_is_refused(tmp_path: Path) -> None:
    with raises_error("plugin-name"):
        new_target("cv25", "artpec8", tmp_path)
    with raises_error("plugin-name"):
        new_backend("onnx-float", tmp_path)
    with raises_error("plugin-name", "'dlpuconv_targets'"):
        new_target("targets", "artpec8", tmp_path)  # it would hide the built-in targets
    with raises_error("plugin-name", "'json'"):
        new_backend("json", tmp_path)
    assert contents(tmp_path) == {}


def test_a_base_of_another_distribution_is_depended_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "toychip", "toychip", GOOD, "[dlpuconv.targets]\ntoy1 = toychip:TOY\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _installed.cache_clear()
    for base, wanted in (("toy1", ["dlpuconv", "toychip"]), ("cv25", ["dlpuconv"])):
        folder = new_target(f"of-{base}", base, tmp_path)[0]
        assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["dependencies"] == wanted
    monkeypatch.undo()
    _installed.cache_clear()


def test_a_base_that_is_not_there_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with raises_error("plugin-unknown", "'artpek8'", "'artpec8'"):
        new_target("mychip", "artpek8", tmp_path)


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-target", "my-chip-2", "--base", "cv25", "--output", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert set(contents(tmp_path / "dlpuconv-my-chip-2")) == {
        "README.md", "pyproject.toml", "src/dlpuconv_my_chip_2/__init__.py", "tests/test_my_chip_2.py",
    }  # fmt: skip
    assert f"next: pip install -e {tmp_path / 'dlpuconv-my-chip-2'} && pytest" in told
    code = (tmp_path / "dlpuconv-my-chip-2/src/dlpuconv_my_chip_2/__init__.py").read_text()
    assert main(["new-backend", "mychip", "--output", str(tmp_path / "a b")]) == 0
    folder = tmp_path / "a b" / "dlpuconv-mychip"
    assert f"next: pip install -e '{folder}' && pytest '{folder}'" in capsys.readouterr().out
    assert "from dlpuconv_targets.cv25 import CV25\n" in code
    assert "{{" not in "".join(contents(tmp_path).values())
