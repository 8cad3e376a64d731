"""docs/errors.md: every id of an error, from the catalogue."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.error_catalog import ErrorEntry

_WIDTH = 120
_HEAD = """\
# Error messages

Every message of an error ends in an id, such as `[library-missing]`. It stays the same where the message is improved,
so scripts can depend on it: `--json` prints it as `id`, and in Python it is the attribute `id` of the exception. Here
is what each one means and what to do, by exit status; `dlpuconv errors library-missing` prints the same, and
`dlpuconv errors` lists all. An id that is missing here belongs to a plugin.

This page is written by `scripts/site_pages.py` from `dlpuconv/error_catalog/`.
"""


def page() -> str:
    """All ids, by the class of the errors that have them."""
    from dlpuconv.error_catalog import entries

    parts = [_HEAD]
    for (status, kind), group in groupby(entries(), key=lambda entry: (entry.status, entry.kind)):
        parts.append(f"## {kind}: exit status {status}\n")
        parts += [paragraph for entry in group for paragraph in _of(entry)]
    return "\n".join(parts)


def _of(entry: ErrorEntry) -> Iterator[str]:
    yield f"### {entry.id}\n"
    yield f"{_wrapped(f'**{_literal(entry.title)}**')}\n"
    yield f"{_wrapped(_literal(entry.cause))}\n"
    yield f"{_wrapped(f'What to do: {_literal(entry.remedy)}')}\n"


def _literal(text: str) -> str:
    """Text as Markdown: what looks like markup outside of code is meant as it is written."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<>*_\[\]])", r"\\\1", part) for part in parts)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
