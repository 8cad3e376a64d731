"""Values and names as C text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def c_float(value: float) -> str:
    """Nine significant digits are enough for every float32 to be read back unchanged."""
    text = f"{value:.9g}"
    return (text if any(mark in text for mark in ".en") else text + ".0") + "f"


def c_comment(text: str) -> str:
    """Names come from strangers' files: nothing in them may end the comment or the line."""
    return re.sub(r"[^\x20-\x7e]|\*/|/\*", "?", text)


def c_function(declared: str, *statements: str) -> Iterator[str]:
    """An inline function, line by line.

    Args:
        declared: its type, name and parameters.
        statements: without their semicolons.
    """
    yield f"static inline {declared}"
    yield "{"
    yield from (f"    {statement};" for statement in statements)
    yield "}"
