"""What a file of an artifact holds: bytes in memory, or, where they would be too many, a file that waits on disk."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, override

from dlpuconv.files.scratch import make_folder, remove_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_EXECUTABLE = 0o111
_PIECE = 1 << 20
_SCRIPTS = frozenset((".sh", ".py"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Content on disk; the file stays there as long as anybody holds this value.

    Attributes:
        path: where it is now; it is read, never changed.
        sha256: hex digest.
        size: bytes.
        store: keeps the folder alive.
    """

    path: Path
    sha256: str
    size: int
    store: ContentStore = field(repr=False, compare=False)

    @override
    def __reduce__(self) -> tuple[Callable[[bytes], StoredFile], tuple[bytes]]:
        """Pickled with what the file holds: where it is read back, or when, this one may be gone."""
        return self.store.add, (self.path.read_bytes(),)


type Content = bytes | StoredFile


class ContentStore:
    """A private temporary folder, removed with the last `StoredFile` in it, or when the program ends."""

    def __init__(self) -> None:
        self._folder = make_folder("store")
        self._count = 0
        weakref.finalize(self, remove_folder, self._folder)

    @override
    def __reduce__(self) -> tuple[type[ContentStore], tuple[()]]:
        """Pickled as an empty one, which its files are put into."""
        return ContentStore, ()

    def add(self, content: bytes) -> StoredFile:
        """Keep content under a name of its own.

        Raises:
            OSError: the temporary folder is full.
        """
        return self.collect([content])

    def collect(self, parts: Iterable[bytes | memoryview]) -> StoredFile:
        """Keep content that comes piece by piece, and is nowhere as a whole.

        Raises:
            OSError: the temporary folder is full.
        """
        path = self._folder / str(self._count)
        self._count += 1
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as stream:
            for part in parts:
                stream.write(part)
                digest.update(part)
                size += len(part)
        return StoredFile(path=path, sha256=digest.hexdigest(), size=size, store=self)


def sha256_of(content: Content) -> str:
    """Hex digest."""
    return content.sha256 if isinstance(content, StoredFile) else hashlib.sha256(content).hexdigest()


def size_of(content: Content) -> int:
    """Bytes."""
    return content.size if isinstance(content, StoredFile) else len(content)


def pieces_of(content: Content) -> Iterator[bytes]:
    """Content piece by piece, so that a file is never in memory as a whole.

    Raises:
        OSError: the file cannot be read.
    """
    if isinstance(content, bytes):
        yield content
        return
    with content.path.open("rb") as stored:
        while piece := stored.read(_PIECE):
            yield piece


def write_content(content: Content, path: Path) -> None:
    """Put content into a new file; scripts can be run.

    Args:
        content: what to write.
        path: of a file that does not exist yet.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("wb") as stream:
        stream.writelines(pieces_of(content))
    if path.suffix in _SCRIPTS:
        path.chmod(path.stat().st_mode | _EXECUTABLE)


def lend_content(content: Content, path: Path) -> None:
    """The same for somebody who only reads, and for no longer than the content is kept: without a copy where possible.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(content, StoredFile):
        try:
            path.hardlink_to(content.path)
        except OSError:  # another file system, or one without links
            write_content(content, path)
    else:
        write_content(content, path)


def lend_contents(contents: Mapping[str, Content], place: Path) -> None:
    """The same for all files of an artifact.

    Args:
        contents: by path relative to `place`; an empty one is the file `place` itself.
        place: where they are put; folders around them are made.

    Raises:
        OSError: one cannot be written.
    """
    for name, content in contents.items():
        path = place / name if name else place
        path.parent.mkdir(parents=True, exist_ok=True)
        lend_content(content, path)
