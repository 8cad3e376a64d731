"""Messages that stay readable whatever a model holds: long names are cut, long lists end in `and 3 more`.

What is left out stays where programs look: in the `problems` of an error, and in JSON.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_NAME = 80
"""Characters of a name, or of whatever else is one word."""
MOST_MESSAGE = 600
"""Characters of a message."""
_MOST_LISTED = 400  # characters: what stands around a list has its place too
_DOTS = "..."
_QUOTED = re.compile(r"""(?<!\w)(?:'[^']*'|"[^"]*")(?!\w)""")
_WORD = re.compile(rf"[^\s'\"]{{{MOST_NAME + 1},}}")
_TO_TYPE = re.compile(r"--[a-z-]+[ =]['\"]?$")


def brief(text: str) -> str:
    """A message as it is shown to people: names within their limit, and the whole within its own."""
    text = cut_names(text)
    if len(text) <= MOST_MESSAGE:
        return text
    start = text[: MOST_MESSAGE - len(_DOTS)]
    return (start.rpartition(" ")[0] or start) + _DOTS


def cut_names(text: str) -> str:
    """The text with long names cut; paths of this machine, and values of options to type, stay whole."""
    if len(text) <= MOST_NAME:
        return text
    return _WORD.sub(_cut_word, _QUOTED.sub(_cut_quoted, text))


def listed(texts: Iterable[str], most: int = 8, separator: str = ", ") -> str:
    """`a, b and 3 more`; what is separated by more than a comma ends in `; and 3 more`.

    Args:
        texts: all that there is to list.
        most: how many are shown, fewer where they are long.
        separator: between them.
    """
    whole = list(texts)
    shown = [cut_names(text) for text in whole[:most]]
    while len(shown) > 1 and sum(map(len, shown)) > _MOST_LISTED:
        shown.pop()
    left = more(len(whole) - len(shown))
    start = separator.join(shown)
    return f"{start}{' ' if separator == ', ' else separator}{left}" if left else start


def more(count: int) -> str:
    """`and 3 more`; nothing where nothing is left out."""
    return f"and {count} more" if count > 0 else ""


def unshown(count: int) -> str:
    """`3 more with --top 0 or --json`, of a table's rows; nothing where it has all."""
    return f"{count} more with --top 0 or --json" if count > 0 else ""


def _cut_quoted(found: re.Match[str]) -> str:
    quote = found[0][0]
    return f"{quote}{_cut(found[0][1:-1], found)}{quote}"


def _cut_word(found: re.Match[str]) -> str:
    return _cut(found[0], found)


def _cut(name: str, found: re.Match[str]) -> str:
    if len(name) <= MOST_NAME or _TO_TYPE.search(found.string, max(found.start() - MOST_NAME, 0), found.start()):
        return name
    return name if _is_path(name) else name[: MOST_NAME - len(_DOTS)] + _DOTS


def _is_path(name: str) -> bool:
    """Whether its first folder is there."""
    parts = Path(name).parts
    if len(parts) < 2:
        return False
    first = Path(*parts[:2]) if parts[0] == "/" else Path(parts[0])
    try:
        return first.is_dir()
    except (OSError, ValueError):
        return False
