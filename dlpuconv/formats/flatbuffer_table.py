"""Flatbuffer tables, read with every offset checked: hostile bytes raise, they never crash, hang or cost gigabytes.

Flatbuffer references point forward only, so that a file cannot make a reader loop; but many references may point at
one long vector. What is read in all is therefore limited to a small multiple of the file's size.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from dlpuconv.errors import ArtifactError

_SCALARS = {
    "bool": struct.Struct("<?"),
    "i8": struct.Struct("<b"),
    "u8": struct.Struct("<B"),
    "u16": struct.Struct("<H"),
    "i32": struct.Struct("<i"),
    "u32": struct.Struct("<I"),
    "u64": struct.Struct("<Q"),
    "i64": struct.Struct("<q"),
    "f32": struct.Struct("<f"),
}
_FORMATS = {"i32": "i", "f32": "f", "i64": "q", "u32": "I"}
_SHARING = 4  # vectors that a writer shares between tables; more than this many times is no honest file
_LONGEST_TEXT = 4096
_MOST_TABLES = 1 << 17  # in one vector; each costs some hundred bytes here, the largest real models have ten thousand


@dataclass(slots=True)
class TableSource:
    """The bytes of one file and how much may still be read from them.

    Attributes:
        content: the whole file.
        budget: bytes that tables, vectors and texts may still take.
    """

    content: memoryview
    budget: int = field(init=False)

    def __post_init__(self) -> None:
        self.budget = _SHARING * len(self.content) + 4096

    def scalar(self, kind: str, at: int) -> int | float | bool:
        """The scalar at this position.

        Raises:
            ArtifactError: it lies outside the file.
        """
        layout = _SCALARS[kind]
        if not 0 <= at <= len(self.content) - layout.size:
            raise _broken(f"an offset points to byte {at} of {len(self.content)}")
        value: int | float | bool = layout.unpack_from(self.content, at)[0]
        return value

    def integer(self, kind: str, at: int) -> int:
        """Like `scalar`, for the integer kinds."""
        return int(self.scalar(kind, at))

    def root(self) -> Table:
        """The root table."""
        return self.table(self.integer("u32", 0))

    def table(self, at: int) -> Table:
        """The table at this position."""
        layout = at - self.integer("i32", at)
        size = self.integer("u16", layout)
        length = self.integer("u16", layout + 2)
        if size < 4 or size % 2 or layout + size > len(self.content) or at + length > len(self.content):
            raise _broken(f"the table at byte {at} does not fit")
        self.spend(size)
        fields = struct.unpack_from(f"<{size // 2 - 2}H", self.content, layout + 4)
        if any(offset and not 4 <= offset < length for offset in fields):
            raise _broken(f"a field of the table at byte {at} lies outside it")
        return Table(self, at, fields)

    def vector(self, at: int, item: int) -> tuple[int, int]:
        """First byte and number of items (of `item` bytes each) of the vector at this position."""
        count = self.integer("u32", at)
        if at + 4 + count * item > len(self.content):
            raise _broken(f"a vector at byte {at} claims {count} items, more than the file holds")
        return at + 4, count

    def spend(self, size: int) -> None:
        """Count what is read.

        Raises:
            ArtifactError: more is read than an honest file of this size holds.
        """
        self.budget -= size
        if self.budget < 0:
            raise _broken("its tables refer to the same data over and over")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: fields by number, absent ones as their default."""

    source: TableSource
    at: int
    fields: tuple[int, ...]

    def position(self, number: int) -> int:
        """Where a field is, or 0 where it is absent."""
        offset = self.fields[number] if number < len(self.fields) else 0
        return self.at + offset if offset else 0

    def integer(self, number: int, kind: str, default: int = 0) -> int:
        """An integer or boolean field."""
        at = self.position(number)
        return self.source.integer(kind, at) if at else default

    def real(self, number: int) -> float:
        """A float field; 0 by default."""
        at = self.position(number)
        return float(self.source.scalar("f32", at)) if at else 0.0

    def table(self, number: int) -> Table | None:
        """A table field."""
        at = self._target(number)
        return self.source.table(at) if at else None

    def tables(self, number: int) -> list[Table]:
        """A vector of tables; empty by default."""
        target = self._target(number)
        if not target:
            return []
        at, count = self.source.vector(target, 4)
        if count > _MOST_TABLES:
            raise _broken(f"a vector claims {count} tables")
        self.source.spend(4 * count)
        return [
            self.source.table(item + offset)
            for item, offset in zip(
                range(at, at + 4 * count, 4), struct.unpack_from(f"<{count}I", self.source.content, at), strict=True
            )
        ]

    def scalars(self, number: int, kind: str) -> tuple[int | float, ...]:
        """A vector of `i32`, `u32`, `i64` or `f32`; empty by default."""
        target = self._target(number)
        if not target:
            return ()
        size = _SCALARS[kind].size
        at, count = self.source.vector(target, size)
        self.source.spend(size * count)
        return struct.unpack_from(f"<{count}{_FORMATS[kind]}", self.source.content, at)

    def integers(self, number: int, kind: str = "i32") -> tuple[int, ...]:
        """A vector of integers; empty by default."""
        return tuple(map(int, self.scalars(number, kind)))

    def raw(self, number: int) -> memoryview | None:
        """A vector of bytes, not copied; None where it is absent."""
        target = self._target(number)
        if not target:
            return None
        at, count = self.source.vector(target, 1)
        return self.source.content[at : at + count]

    def text(self, number: int) -> str:
        """A string; empty by default, cut at some thousand characters."""
        raw = self.raw(number)
        if raw is None:
            return ""
        self.source.spend(min(len(raw), _LONGEST_TEXT))
        return bytes(raw[:_LONGEST_TEXT]).decode("utf-8", "replace")

    def _target(self, number: int) -> int:
        at = self.position(number)
        return at + self.source.integer("u32", at) if at else 0


def _broken(reason: str) -> ArtifactError:
    return ArtifactError(f"the file is damaged: {reason}", id="artifact-damaged")
