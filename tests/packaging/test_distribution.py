"""What is built from the checkout: a wheel of three typed packages, and a source distribution that rebuilds it."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import dlpuconv

if TYPE_CHECKING:
    from pathlib import Path

PACKAGES = ("dlpuconv", "dlpuconv_backends", "dlpuconv_targets")
_LARGEST_SOURCE = 16_000_000
"""Bytes; the trained models of the tests are most of them."""


def build(kind: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", repository, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def project(repository: Path) -> dict[str, Any]:
    content: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text())
    return content["project"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def constraints(repository: Path) -> list[str]:
    lines = (repository / "constraints.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_the_wheel_holds_the_three_packages_the_manual_page_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    release = f"dlpuconv-{dlpuconv.__version__}"
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert roots == {*PACKAGES, f"{release}.data", f"{release}.dist-info"}
    page = f"{release}.data/data/share/man/man1/dlpuconv.1"
    assert [name for name in wheel.namelist() if name.startswith(f"{release}.data")] == [page]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_of_the_checkout_is_in_the_wheel(wheel: zipfile.ZipFile, repository: Path, package: str) -> None:
    (source,) = (p for root in (".", "backends", "targets") if (p := repository / root / package).is_dir())
    files = {p.relative_to(source.parent).as_posix() for p in source.rglob("*.py")}
    assert files | {f"{package}/py.typed"} <= set(wheel.namelist())


def test_the_schema_of_the_manifest_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert [name for name in wheel.namelist() if name.endswith(".schema.json")]


def test_the_catalogue_of_errors_is_in_the_wheel(wheel: zipfile.ZipFile, repository: Path) -> None:
    catalogue = {path.name for path in (repository / "dlpuconv" / "error_catalog").glob("*.toml")}
    assert {f"dlpuconv/error_catalog/{name}" for name in catalogue} <= set(wheel.namelist())


def test_the_templates_of_the_report_are_in_the_wheel(wheel: zipfile.ZipFile, repository: Path) -> None:
    templates = {path.name for path in (repository / "dlpuconv" / "reporting" / "templates").iterdir()}
    assert {f"dlpuconv/reporting/templates/{name}" for name in templates} <= set(wheel.namelist())


def test_the_wheel_registers_the_command_and_every_plugin(wheel: zipfile.ZipFile, project: dict[str, Any]) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("entry_points.txt"))
    text = wheel.read(name).decode()
    assert "[console_scripts]\ndlpuconv = dlpuconv.cli:main" in text
    for group, entries in project["entry-points"].items():
        assert f"[{group}]" in text
        assert all(f"{key} = {value}" in text for key, value in entries.items())


def test_the_wheel_carries_its_licence(wheel: zipfile.ZipFile) -> None:
    (name,) = (n for n in wheel.namelist() if n.endswith("/LICENSE"))
    assert b"Apache License" in wheel.read(name)


@pytest.mark.slow
def test_a_wheel_from_the_source_distribution_is_the_same(
    wheel: zipfile.ZipFile, repository: Path, tmp_path: Path
) -> None:
    source = build("sdist", repository, tmp_path / "sdist")
    assert source.stat().st_size < _LARGEST_SOURCE
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    again = zipfile.ZipFile(build("wheel", tmp_path / f"dlpuconv-{dlpuconv.__version__}", tmp_path / "wheel"))
    assert sorted(again.namelist()) == sorted(wheel.namelist())


def test_the_installed_version_is_the_one_in_the_source() -> None:
    installed = importlib.metadata.version("dlpuconv")
    assert Version(installed) == Version(dlpuconv.__version__) or installed == "0"  # 0: a bare checkout


def test_every_extra_is_part_of_all(project: dict[str, Any]) -> None:
    extras = project["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - {"all"}


def test_the_core_needs_no_heavy_library(project: dict[str, Any]) -> None:
    core = {canonicalize_name(Requirement(line).name) for line in project["dependencies"]}
    assert core.isdisjoint({"ai-edge-litert", "onnx2tf", "tensorflow", "torch", "onnxscript", "opencv-python"})


def test_constraints_are_exact_versions_without_addresses(constraints: list[str]) -> None:
    assert constraints
    assert [line for line in constraints if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][A-Za-z0-9.]*", line)] == []


def test_constraints_satisfy_every_requirement_of_the_project(
    constraints: list[str], project: dict[str, Any], repository: Path
) -> None:
    exact = {canonicalize_name(name): Version(version) for name, version in (c.split("==") for c in constraints)}
    groups = tomllib.loads((repository / "pyproject.toml").read_text())["dependency-groups"]
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    checkers = [line for line in (*groups["dev"], *groups["docs"]) if isinstance(line, str)]
    lines = [*project["dependencies"], *checkers, *extras]
    wanted = [r for r in map(Requirement, lines) if r.name != "dlpuconv"]
    assert [str(r) for r in wanted if not _met(r, exact)] == []


def _met(requirement: Requirement, exact: dict[Any, Version]) -> bool:
    version = exact.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)
