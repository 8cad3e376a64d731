"""Where a store's files lie: names with slashes, content, and one promise: a file is whole, or not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dlpuconv.files.content import Content


class Shelf(Protocol):
    """Files by name. It may be used from any thread; whatever fails raises OSError, for a reason in one clause."""

    def put(self, name: str, content: Content) -> bool:
        """Put a file if there is none of this name; False where there is, which then stays as it is."""
        ...

    def replace(self, name: str, content: bytes) -> None:
        """Put a file in the place of whatever is there."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; one that is not there is none the less gone."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, without the folder: one listing, however many there are."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of a file; None where there is none."""
        ...

    def read(self, name: str, most: int) -> bytes | None:
        """A file of at most so many bytes; None where there is none."""
        ...

    def read_all(self, names: Collection[str], most: int) -> Mapping[str, bytes]:
        """Contents of those of the named files that exist, by name; `most` bytes are read of each."""
        ...

    def pieces(self, name: str) -> Iterator[bytes]:
        """A file of any size, piece by piece.

        Raises:
            FileNotFoundError: there is none.
        """
        ...

    def lease(self, name: str, arrived: Callable[[], bool]) -> AbstractContextManager[None]:
        """Wait until nobody else who lives holds this name, and hold it as long as the `with` block lasts.

        That two hold it at once is possible, if seldom, on what has no locks.

        Args:
            name: of what is to be done once.
            arrived: whether it was done meanwhile, so that there is nothing to wait for.
        """
        ...
