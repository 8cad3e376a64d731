"""Files of a folder that a stranger made: nothing outside it is opened, and nothing that is no plain file."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dlpuconv.files.regular import open_regular
from dlpuconv.jsonable import is_deeper

if TYPE_CHECKING:
    from pathlib import Path

MOST_TEXT = 64 << 20
"""Bytes of a file that is read as text."""
_CHUNK = 1 << 20
_DEEPEST = 64  # levels of JSON; our own has nine, and whatever goes through it takes some frames of Python for each


class UnusableFileError(ValueError):
    """Why a file cannot be used, to follow its name: `is not there`."""


class MissingFileError(UnusableFileError):
    """There is no such file."""


class SafeFolder:
    """Opens files by the names that other files in the folder give."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def find(self, name: str) -> Path:
        """The plain file of this name.

        Raises:
            UnusableFileError: the name or a link leads out of the folder, or there is no plain file.
        """
        relative = PurePosixPath(name)
        if not relative.parts or relative.is_absolute() or ".." in relative.parts or "\0" in name:
            raise UnusableFileError("is not a path inside the package")
        try:
            real = self._root.joinpath(*relative.parts).resolve(strict=True)
            mode = real.stat().st_mode
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle
            raise MissingFileError("is not there") from error
        if not real.is_relative_to(self._root):
            raise UnusableFileError("is a link to a file outside it")
        if not stat.S_ISREG(mode):
            raise UnusableFileError("is a device, a pipe or a folder")
        return real

    def read(self, name: str, most: int) -> bytes:
        """The content of a file of at most so many bytes.

        Raises:
            UnusableFileError: as `find`, it is larger, or it cannot be read.
        """
        path = self.find(name)
        try:
            with open_regular(path) as stream:
                content = stream.read(most + 1)
        except OSError as error:
            raise UnusableFileError(f"cannot be read: {error.strerror or error}") from error
        if len(content) > most:
            raise UnusableFileError(f"is larger than {most} bytes")
        return content

    def read_json(self, name: str, most: int) -> dict[str, Any]:
        """The JSON object in a file of at most so many bytes.

        Raises:
            UnusableFileError: as `read`, or there is no such object.
        """
        try:
            content = json.loads(self.read(name, most))
        except UnusableFileError:
            raise
        except (ValueError, RecursionError) as error:
            raise UnusableFileError("is damaged: it is not JSON") from error
        if not isinstance(content, dict):
            raise UnusableFileError("is damaged: it does not hold a JSON object")
        if is_deeper(content, _DEEPEST):
            raise UnusableFileError(f"is damaged: it holds values within values more than {_DEEPEST} deep")
        return content

    def sha256(self, name: str) -> str:
        """Hex digest of a file, which may be large.

        Raises:
            UnusableFileError: as `find`, or it cannot be read.
        """
        path = self.find(name)
        digest = hashlib.sha256()
        try:
            with open_regular(path) as stream:
                while chunk := stream.read(_CHUNK):
                    digest.update(chunk)
        except OSError as error:
            raise UnusableFileError(f"cannot be read: {error.strerror or error}") from error
        return digest.hexdigest()
