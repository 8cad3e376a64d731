r"""What strangers' names may not do to a terminal or to a reader: move the cursor, forge a line, turn text around.

Every such character is shown as Python would write it: `\x1b`, `\n`, `\u202e`.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_ACTIVE = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_NOT_A_LINE_END = re.compile(_ACTIVE.pattern.replace("\0-\x1f", "\0-\t\x0b-\x1f"))


def printable[T](value: T) -> T:
    """A text, or a result with all texts in it (dataclasses, tuples, lists, mappings), without such characters.

    What holds none is the same object afterwards.
    """
    found: Any = _walk(value)
    return found  # type: ignore[no-any-return] # of the same type, whatever it is


def printable_lines(text: str) -> str:
    """A text of several lines, each printable."""
    return _NOT_A_LINE_END.sub(_escape, text)


def printable_json(value: object, indent: int | None = None) -> str:
    """JSON that is UTF-8, whatever its texts hold, and that a terminal may show; it says what it said before."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    return _NOT_A_LINE_END.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # only texts can hold these


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _walk(value: Any) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return _ACTIVE.sub(_escape, value) if _ACTIVE.search(value) else value
    if isinstance(value, tuple | list):
        items = [_walk(item) for item in value]
        return type(value)(items) if _differ(items, value) else value
    if isinstance(value, Mapping):
        keys, values = [_walk(key) for key in value], [_walk(item) for item in value.values()]
        same = not _differ(keys, value) and not _differ(values, value.values())
        return value if same else dict(zip(keys, values, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        changed = {name: found for name, item in fields.items() if (found := _walk(item)) is not item}
        return dataclasses.replace(value, **changed) if changed else value
    return value


def _differ(found: Iterable[object], before: Iterable[object]) -> bool:
    return any(a is not b for a, b in zip(found, before, strict=True))
