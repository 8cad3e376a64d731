"""docs/qat.md: its blocks are run, in their order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torchao")
pytest.importorskip("onnx2tf")

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
def test_the_code_of_the_guide_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (repository / "docs" / "qat.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block, names)
    assert names["prepared"].unmapped == ()
    assert list((tmp_path / "out").glob("*.artpec8.tflite"))
