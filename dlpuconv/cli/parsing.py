"""Option texts that hold more than one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlpuconv.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    """Read `123.7,116.3,103.5`.

    Raises:
        UsageError: a part is not a number.
    """
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--{option} {text!r} is not a number or a comma-separated list of them") from None


def shapes(texts: Iterable[str] | None) -> dict[str, tuple[int, ...]]:
    """Read several `NAME=1,3,224,224`.

    Raises:
        UsageError: one is not of that form.
    """
    from dlpuconv.frontends import parse_input_shape

    return dict(map(parse_input_shape, texts or ()))


def names(text: str | None) -> tuple[str, ...]:
    """Read `NAME,NAME`."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()


def version(option: str, text: str | None) -> tuple[int, ...] | None:
    """Read `11.11.73`.

    Raises:
        UsageError: it is no version of two to four numbers.
    """
    if text is None:
        return None
    parts = text.split(".")
    if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise UsageError(f"--{option} {text!r} is not a version such as 11.11 or 11.11.73")
    return tuple(map(int, parts))
