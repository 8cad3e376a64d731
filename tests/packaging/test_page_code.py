"""Every block of code in README and docs/ runs, from the top of its page to the bottom, in a folder of its own.

Such a folder holds a `model.onnx` and its `images/`. Blocks that cannot run have a title that says so.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.blocks import NOT_RUN, RUN, SHOWN, blocks_of, furnish, pages, run_console, run_page
from tests.packaging.page_material import MATERIAL
from tests.plugins.environment import Environment

REPOSITORY = Path(__file__).parents[2]
LIBRARIES = {
    "docs/pytorch.md": ("torch", "onnxscript", "torchmetrics"),
    "docs/qat.md": ("torchao",),
    "docs/tensorflow.md": ("keras", "tf2onnx"),
    "docs/seeing.md": ("torch", "onnxscript"),
}
"""What pages need beside `tflite`."""

WITH_CODE = [page for page in pages(REPOSITORY) if any(block.runs for block in blocks_of(REPOSITORY / page))]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch, while it exports in a user's own call
@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("onnx2tf", *LIBRARIES.get(page, ())):
        pytest.importorskip(library)
    fresh = Environment.make(tmp_path, REPOSITORY)
    furnish(fresh.place, REPOSITORY)
    if page in MATERIAL:
        MATERIAL[page](fresh.place)
    monkeypatch.chdir(fresh.place)
    assert run_page(REPOSITORY / page, fresh) == sum(block.runs for block in blocks_of(REPOSITORY / page))


@pytest.mark.parametrize("page", pages(REPOSITORY))
def test_every_block_says_what_it_is(page: str) -> None:
    """A block without a language would be neither run nor known to be left alone."""
    unknown = [block.line for block in blocks_of(REPOSITORY / page) if block.language not in (*RUN, *SHOWN)]
    assert unknown == []
    titles = {block.title for block in blocks_of(REPOSITORY / page) if block.language in RUN and block.title}
    assert titles <= set(NOT_RUN), "a block with another title would not be run, with no reason"


def test_every_reason_not_to_run_is_needed() -> None:
    used = {block.title for page in pages(REPOSITORY) for block in blocks_of(REPOSITORY / page)}
    assert set(NOT_RUN) - used == set()


def test_pages_with_needs_of_their_own_are_pages_with_code() -> None:
    assert {*LIBRARIES, *MATERIAL} <= set(WITH_CODE)


def test_a_console_block_is_held_to_what_is_printed(tmp_path: Path) -> None:
    fresh = Environment.make(tmp_path, REPOSITORY)
    run_console("$ printf 'one\\ntwo   words\\nthree\\n'\none\ntwo words\n...\n", fresh)
    run_console("$ printf 'one\\ntwo\\nthree\\n'\n...\nthree\n$ echo four\nfour\n", fresh)
    with pytest.raises(AssertionError, match="one"):
        run_console("$ printf 'one\\ntwo\\n'\none\nthree\n", fresh)
