"""What a package's JSON files say, whoever wrote them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlpuconv.formats.safe_folder import MOST_TEXT, MissingFileError, UnusableFileError

if TYPE_CHECKING:
    from dlpuconv.formats.safe_folder import SafeFolder


@dataclass(frozen=True, slots=True)
class Told:
    """The JSON object in a file.

    Attributes:
        name: of the file.
        content: empty where there is no such object.
        problem: why there is none although there is a file, to follow its name.
    """

    name: str
    content: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @classmethod
    def read(cls, folder: SafeFolder, name: str) -> Told:
        """What the file of this name says."""
        try:
            return cls(name, folder.read_json(name, MOST_TEXT))
        except MissingFileError:
            return cls(name)
        except UnusableFileError as error:
            return cls(name, problem=str(error))

    def entries(self, key: str) -> list[dict[str, Any]]:
        """The objects in a list; none where there is no such list."""
        found = self.content.get(key)
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
