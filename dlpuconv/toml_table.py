"""A table of a TOML file that somebody wrote by hand, read key by key: what is wrong is told with its line."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from dlpuconv.errors import UsageError, did_you_mean
from dlpuconv.files.regular import open_regular
from dlpuconv.files.urls import shown_text
from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from enum import StrEnum
    from pathlib import Path

MOST_BYTES = 2**20
_MOST_QUOTED = 64  # characters of a value that a message quotes


@dataclass(frozen=True, slots=True)
class TomlTable:
    """A table, and where it stands.

    Attributes:
        values: by key.
        file: its name, for messages.
        text: of the whole file.
        name: of the table; empty for the file's own.
    """

    values: dict[str, Any]
    file: str
    text: str
    name: str = ""

    @classmethod
    def parse(cls, text: str, file: str) -> TomlTable:
        """The file's own table.

        Raises:
            UsageError: it is no TOML.
        """
        try:
            return cls(tomllib.loads(text), file, text)
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{file} is not TOML: {error}", id="toml-syntax") from error
        except (ValueError, RecursionError) as error:  # of what Python's parser has no sentence for
            deep = isinstance(error, RecursionError)
            what = "is nested too deeply" if deep else "holds a number of too many digits"
            raise UsageError(f"{file} {what} to be read", id="toml-syntax") from error

    def only(self, known: Iterable[str], refusal: str) -> None:
        """Refuse keys that mean nothing: `a target has no key 'oprators' (did you mean 'operators'?)`."""
        for key in self.values:
            if key not in (keys := list(known)):
                told = did_you_mean(key, keys) or f"; possible keys: {listed(sorted(keys), most=12)}"
                self.refuse(key, f"{refusal} {quoted(key)}{told}")

    def table(self, key: str) -> TomlTable:
        """A table inside; an empty one where it is missing."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            self.refuse(key, f"{key} is {quoted(found)}, not a table")
        return TomlTable(found, self.file, self.text, f"{self.name}.{key}" if self.name else key)

    def string(self, key: str, default: str | None = None) -> str:
        """A text; without a default, one that must be there."""
        found = self.values.get(key, default)
        if found is None:
            self.refuse("", f"{key} is missing")
        if not isinstance(found, str):
            self.refuse(key, f"{key} is {quoted(found)}, not a text")
        if not found.isprintable():
            self.refuse(key, f"{key} holds characters that cannot be printed: {quoted(found)}")
        return found

    def word[E: StrEnum](self, key: str, kind: type[E], default: E | None = None) -> E:
        """A member of an enumeration."""
        found = self.string(key, default.value if default is not None else None)
        return kind(self.known(key, found, [member.value for member in kind]))

    def known(self, key: str, value: object, possible: Collection[str]) -> str:
        """A text that is one of some."""
        if not isinstance(value, str) or value not in possible:
            close = did_you_mean(value, possible) if isinstance(value, str) else ""
            told = close or f": {listed(sorted(possible), most=12)}"
            self.refuse(key, f"{key} holds {quoted(value)}, which is not one of the possible values{told}", value)
        return value

    def names(self, key: str, possible: Collection[str]) -> frozenset[str]:
        """A list of texts, each one of some."""
        return frozenset(self.known(key, value, possible) for value in self._list(key))

    def counts(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers above zero."""
        found = self._list(key)
        for value in found:
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
                self.refuse(key, f"{key} holds {quoted(value)}, not a whole number from 1 to {2**31 - 1}", value)
        return tuple(found)

    def switch(self, key: str, default: bool) -> bool:
        """True or false."""
        found = self.values.get(key, default)
        if not isinstance(found, bool):
            self.refuse(key, f"{key} is {quoted(found)}, not true or false")
        return found

    def number(self, key: str, default: float = 0.0) -> float:
        """A number that is finite."""
        found = self.values.get(key, default)
        if not isinstance(found, int | float) or isinstance(found, bool) or not math.isfinite(_as_float(found)):
            self.refuse(key, f"{key} is {quoted(found)}, not a finite number")
        return float(found)

    def count(self, key: str) -> int:
        """A whole number above zero."""
        (found,) = TomlTable({key: [self.values[key]]}, self.file, self.text, self.name).counts(key)
        return found

    def _list(self, key: str) -> list[Any]:
        found = self.values[key]
        if not isinstance(found, list) or not found:
            self.refuse(key, f"{key} is {quoted(found)}, not a list that holds something")
        return found

    def refuse(self, key: str, what: str, value: object = None) -> NoReturn:
        """Say what is wrong, and in which line, as far as that is found."""
        where = f"{self.file}, line {line}" if (line := self._line(key, value)) else self.file
        table = f"[{self.name}]"
        suffix = f" (in {table})" if self.name and table not in what else ""
        raise UsageError(f"{where}: {shown_text(what)}{suffix}", id="toml-value")

    def _line(self, key: str, value: object) -> int:
        """Where a key stands, or the value of a list behind it; 0 where it is written in another way."""
        lines = self.text.splitlines()
        header = re.compile(rf"\s*\[\s*{re.escape(self.name)}\s*\]")
        start = next((number for number, line in enumerate(lines) if header.match(line)), 0) if self.name else 0
        spelled = re.compile(rf"\s*\[?\s*[\"']?{re.escape(key)}[\"']?\s*[\].=]")
        at = next((n for n in range(start, len(lines)) if key and spelled.match(lines[n])), None)
        if at is None:
            return 0
        inside = re.compile(rf"(?<![\w.-]){re.escape(str(value))}(?![\w.-])")
        return next((n for n in range(at, len(lines)) if value is not None and inside.search(lines[n])), at) + 1


def read_small(path: Path, what: str, most_bytes: int = MOST_BYTES) -> str:
    """The text of a small file that a user named.

    Args:
        path: of the file.
        what: it is, for messages.
        most_bytes: that it may have.

    Raises:
        UsageError: it cannot be read, is too large, or is not a text.
    """
    try:
        with open_regular(path) as stream:
            content = stream.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise UsageError(f"{what} {str(path)!r} is larger than {most_bytes // 2**20} MiB", id="toml-unreadable")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        no_text = isinstance(error, UnicodeDecodeError)
        reason = "it is not UTF-8 text" if no_text else getattr(error, "strerror", None) or error
        raise UsageError(f"{what} {str(path)!r} cannot be read: {reason}", id="toml-unreadable") from error


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def quoted(value: object) -> str:
    """A value in a message; one that could not be written out, or would fill the screen, by its kind."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a table"
    if isinstance(value, int) and value.bit_length() > _MOST_QUOTED:
        return "a number of many digits"
    text = repr(value)
    return text if len(text) <= _MOST_QUOTED else f"{text[:_MOST_QUOTED]}..."
