"""docs/plugin.md goes from nothing to converted models: its blocks are run, in their order, in a fresh environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.plugins.environment import Environment

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (\S+\.\w+)\n")


@pytest.mark.slow
def test_its_blocks_run_one_after_the_other(tmp_path: Path, repository: Path) -> None:
    fresh = Environment.make(tmp_path, repository)
    for language, text in _BLOCK.findall((repository / "docs" / "plugin.md").read_text("utf-8")):
        if language == "sh":
            done = fresh.run("sh", "-e", "-c", text)
            assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        elif (named := _FILE.match(text)) is not None:
            (fresh.place / named[1]).parent.mkdir(parents=True, exist_ok=True)
            (fresh.place / named[1]).write_text(text, "utf-8")
        else:
            assert language == "text", text
    made = {path.name for path in (fresh.place / "out").iterdir()}
    assert {"model.mychip.tflite", "model.fastchip.tflite", "model.boxed.boxed"} <= made
