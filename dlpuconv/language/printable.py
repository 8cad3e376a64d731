r"""What strangers' names may not do to a terminal or to a reader: move its cursor, forge a line, turn text, hide.

Every such character is shown as Python would write it: `\x1b`, `\n`, `\u202e`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from dlpuconv.language.every_text import with_texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

_INVISIBLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Directions, joiners and what else takes no place: Unicode's property Default_Ignorable_Code_Point."""
_LINES, _SURROGATES, _ANNOTATIONS = "\u2028\u2029", "\ud800-\udfff", "\ufff9-\ufffb"
_NOT_A_LINE_END = re.compile(f"[\0-\t\x0b-\x1f\x7f-\x9f{_INVISIBLE}{_LINES}{_SURROGATES}{_ANNOTATIONS}]")
_ACTIVE = re.compile(f"\n|{_NOT_A_LINE_END.pattern}")


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
    return _NOT_A_LINE_END.sub(_json_escape, text)  # only texts can hold these


class Tame:
    """Something for rich to draw, without characters that would act on the terminal or in a page."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """See rich's console protocol."""
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else segment._replace(text=printable_lines(segment.text))


def _harmless(text: str) -> str:
    return _ACTIVE.sub(_escape, text) if _ACTIVE.search(text) else text


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _json_escape(found: re.Match[str]) -> str:
    """Two of them for what is beyond 16 bits."""
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
