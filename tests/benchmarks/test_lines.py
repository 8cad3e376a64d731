"""scripts/lines.py counts what is neither blank nor a comment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.lines import code, count, in_the_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_blank_lines_and_comments_do_not_count_and_docstrings_do() -> None:
    assert count('"""One."""\n\n# none\n    # none\nx = 1  # one\n   \n"""\nthree lines\n"""\n') == 5


def test_docstrings_are_no_code() -> None:
    text = (
        '"""One."""\n\n\ndef f():\n    """Two.\n\n    Three.\n    """\n    return """four"""\n\n\nX = 1\n"""Five."""\n'
    )
    assert (count(text), code(text)) == (8, 3)


def test_every_file_of_the_three_roots_is_counted_once(repository: Path) -> None:
    texts = dict(in_the_tree())
    assert texts["dlpuconv/scheme.py"] == (repository / "dlpuconv" / "scheme.py").read_text("utf-8")
    assert {path.split("/")[0] for path in texts} == {"dlpuconv", "backends", "targets"}
