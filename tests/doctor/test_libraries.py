"""What is wanted beside what is installed, from the metadata of distributions that the tests write themselves."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import pytest

from dlpuconv.doctor import libraries
from dlpuconv.doctor.findings import Library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of distributions: `widget` wants others."""
    wanted = [
        "Name: widget", "Version: 1", "Provides-Extra: drawing", "Provides-Extra: both", "Provides-Extra: all",
        "Requires-Dist: core>=2", "Requires-Dist: elsewhere; sys_platform == 'plan9'",
        "Requires-Dist: ink<3,>=2; extra == 'drawing'", "Requires-Dist: paper; extra == 'drawing'",
        "Requires-Dist: widget[drawing]; extra == 'both'", "Requires-Dist: pen; extra == 'both'",
        "Requires-Dist: widget[both]; extra == 'all'",
    ]  # fmt: skip
    write(tmp_path, "widget-1", wanted)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(libraries, "OURS", "widget")
    return tmp_path


def write(folder: Path, name: str, lines: list[str] | None = None) -> None:
    distribution, version = name.split("-")
    info = folder / f"{name}.dist-info"
    info.mkdir()
    told = lines or [f"Name: {distribution}", f"Version: {version}"]
    (info / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *told, ""]))
    importlib.invalidate_caches()


def test_a_library_fits_in_the_versions_that_are_wanted(site: Path) -> None:
    write(site, "core-2.1")
    assert libraries.core_libraries() == (Library(name="core", wanted=">=2", version="2.1", fits=True),)


def test_a_library_that_is_too_old_or_absent_does_not_fit(site: Path) -> None:
    assert libraries.core_libraries() == (Library(name="core", wanted=">=2", version="", fits=False),)
    write(site, "core-1.9")
    assert libraries.core_libraries() == (Library(name="core", wanted=">=2", version="1.9", fits=False),)


def test_an_extra_needs_what_the_extras_need_that_it_names(site: Path) -> None:
    write(site, "ink-3.0")
    write(site, "pen-1")
    drawing, both = libraries.extras()  # and not the one of all
    assert [(library.name, library.version) for library in drawing.libraries] == [("ink", "3.0"), ("paper", "")]
    assert [library.name for library in drawing.missing] == ["ink", "paper"]
    assert [library.name for library in both.libraries] == ["pen", "ink", "paper"]
    assert [library.name for library in both.missing] == ["ink", "paper"]
    assert both.to_json()["remedy"] == 'pip install "dlpuconv[both]"'


def test_where_nothing_is_installed_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "OURS", "no-such-distribution")
    assert libraries.core_libraries() == ()
    assert libraries.extras() == ()
