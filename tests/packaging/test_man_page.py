"""The manual page is what the commands declare, and renders without a warning."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.man_page import ENVIRONMENT, FILE, page

RENDERERS = (("groff", "-man", "-ww", "-Tutf8"), ("mandoc", "-Tutf8", "-Wwarning"))


@pytest.fixture(params=RENDERERS, ids=lambda command: command[0])
def rendered(request: pytest.FixtureRequest) -> subprocess.CompletedProcess[str]:
    """The page as one of the two programs for such pages prints it."""
    if shutil.which(request.param[0]) is None:
        pytest.fail(
            f"the manual page is rendered by {request.param[0]}, and there is none: scripts/setup test installs it"
        )
    return subprocess.run([*request.param, FILE], check=True, capture_output=True, text=True)


def test_the_page_is_up_to_date() -> None:
    assert FILE.read_text("utf-8") == page(), "run scripts/man_page.py"


def test_every_command_is_on_the_page_with_its_options() -> None:
    text = page().replace("\\-", "-")
    for heading in ("batch JOBS", "batch status JOBS", "batch show NAME", "batch diff BEFORE AFTER"):
        assert f".SH dlpuconv {heading}\n" in text
    for option in ("--fail-on", "--shard", "--executor", "--save"):
        assert rf"\fB{option}\fR" in text


def test_the_page_renders_without_a_warning(rendered: subprocess.CompletedProcess[str]) -> None:
    assert rendered.stderr == ""


def test_commands_options_and_texts_are_printed_as_they_are_typed(rendered: subprocess.CompletedProcess[str]) -> None:
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", rendered.stdout)  # bold and underlined
    assert "dlpuconv doctor --target artpec8\n" in text
    assert "--input-shape NAME=SHAPE\n" in text
    assert "12 missing library" in text
    assert "dlpuconv batch diff main.json results --fail-on" in text
    assert "`dlpuconv targets` lists" in text


def test_every_variable_of_the_environment_is_on_the_page(repository: Path) -> None:
    sources = [path for root in ("dlpuconv", "backends", "targets") for path in (repository / root).rglob("*.py")]
    read = {name for path in sources for name in re.findall(r"\bDLPUCONV_[A-Z_]+\b", path.read_text("utf-8"))}
    assert read == {name for name in ENVIRONMENT if name.startswith("DLPUCONV")}
