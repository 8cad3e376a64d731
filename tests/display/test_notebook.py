"""Results in a notebook: what a file's names hold is neither markup nor acts on the page."""

from __future__ import annotations

import re

from rich.table import Table
from rich.text import Text

from dlpuconv.display.notebook import as_html


def test_a_name_is_text_and_what_acts_in_it_is_shown() -> None:
    table = Table()
    table.add_column("<b>\x9b")
    table.add_row(Text("a\u202eb\u200bc\x1b[2J"))
    found = as_html(["plain \u2066", table])
    assert re.search("[\0-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066]", found) is None
    for shown in ("&lt;b&gt;", r"plain \u2066", r"\u202eb", r"\u200bc", r"\x1b[2J"):
        assert shown in found
