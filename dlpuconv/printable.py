r"""What strangers' names may not do to a terminal or to a reader: move the cursor, forge a line, turn text around.

Every such character is shown as Python would write it: `\x1b`, `\n`, `\u202e`.
"""

from __future__ import annotations

import json
import re

from dlpuconv.texts import with_texts

_ACTIVE = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NOT_A_LINE_END = re.compile(_ACTIVE.pattern.replace("\0-\x1f", "\0-\t\x0b-\x1f"))


def printable[T](value: T) -> T:
    """A text, or a result with all texts in it (dataclasses, tuples, lists, mappings), without such characters.

    What holds none is the same object afterwards.
    """
    return with_texts(value, _harmless)


def printable_lines(text: str) -> str:
    """A text of several lines, each printable."""
    return _NOT_A_LINE_END.sub(_escape, text)


def printable_json(value: object, indent: int | None = None) -> str:
    """JSON that is UTF-8, whatever its texts hold, and that a terminal may show; it says what it said before."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return _NOT_A_LINE_END.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # only texts can hold these


def _harmless(text: str) -> str:
    return _ACTIVE.sub(_escape, text) if _ACTIVE.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
