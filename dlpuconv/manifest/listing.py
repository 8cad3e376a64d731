"""The files that a manifest lists, which are looked at where the rest of it need not be sound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.jsonable import Json

_OURS = {"schema_version", "dlpuconv"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRecord:
    """One delivered file.

    Attributes:
        name: beside the manifest, or in its folder.
        sha256: hex digest.
        size: in bytes; None where no whole number says it.
    """

    name: str
    sha256: str
    size: int | None

    def to_json(self) -> dict[str, Json]:
        """An entry of `files`."""
        return {"name": self.name, "sha256": self.sha256, "bytes": self.size}


def is_ours(content: Mapping[str, object]) -> bool:
    """Whether a JSON object is a manifest, and not something of another tool."""
    return content.keys() >= _OURS


def files_in(content: Mapping[str, object], most: int | None = None) -> Iterator[FileRecord]:
    """The entries of `files`, whatever they hold; what is no entry at all is left out.

    Args:
        content: a manifest, sound or not.
        most: how many to look at; None for all.
    """
    entries = content.get("files")
    for entry in entries[:most] if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            name, size = str(entry.get("name")), entry.get("bytes")
            yield FileRecord(name=name, sha256=str(entry.get("sha256")), size=size if isinstance(size, int) else None)
