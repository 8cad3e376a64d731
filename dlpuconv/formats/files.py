"""Reads files that others bring: regular ones, of a size that makes sense."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlpuconv.errors import ArtifactError
from dlpuconv.files.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def read_file(path: Path, most: int) -> bytes:
    """The content of a file.

    Args:
        path: may be a link to a file.
        most: bytes of the largest file of its kind.

    Raises:
        ArtifactError: it cannot be read, is no regular file, or is larger.
    """
    with _opened(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > most:
            raise ArtifactError(
                f"{path.name} has {size} bytes; such a file has {most} at most", id="artifact-too-large"
            )
        return stream.read(size)  # not `most`: so much memory would be asked for first


def read_start(path: Path, size: int) -> bytes:
    """The first bytes of a file, at most `size`.

    Raises:
        ArtifactError: it cannot be read, or is no regular file.
    """
    with _opened(path) as stream:
        return stream.read(size)


def is_folder(path: Path) -> bool:
    """Whether it is a folder; what cannot be looked at is none, and whoever reads it then says why it cannot be.

    `Path.is_dir` raises there instead, for a name that is too long or a folder above that may not be entered.
    """
    try:
        return path.is_dir()
    except OSError:
        return False


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with open_regular(path) as stream:
            yield stream
    except (OSError, ValueError) as error:
        raise ArtifactError(
            f"cannot read {str(path)!r}: {getattr(error, 'strerror', None) or error}", id="artifact-unreadable"
        ) from error
