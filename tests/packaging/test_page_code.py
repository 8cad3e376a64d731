"""The Python of the pages runs, from top to bottom, in an empty folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PAGES = {
    "docs/pytorch.md": ("torch", "onnxscript", "torchmetrics"),
    "docs/qat.md": ("torchao", "onnx2tf"),
}
"""With the libraries that each needs."""

pytestmark = pytest.mark.slow


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, while it exports in a user's own call
@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    for library in PAGES[page]:
        pytest.importorskip(library)
    text = (repository / page).read_text("utf-8")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "page"}
    for found in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
        line = text[: found.start(1)].count("\n")
        exec(compile("\n" * line + found[1], str(repository / page), "exec"), namespace)
    assert len(namespace) > 10
