"""The store's contract: records, artifacts and shared work, put if absent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.files.content import Content


class Store(Protocol):
    """What outlives every process of a batch; it may be used from any thread, process and machine at once."""

    @property
    def url(self) -> str:
        """URL by which other processes open the store; it may hold credentials, so it is never shown."""

    def begin(self) -> None:
        """Before long work whose results it is to keep: make it, if it is new.

        Raises:
            StoreError: it cannot be made, or is no store of this version.
        """

    def record(self, key: str) -> JobRecord | None:
        """The record of a job; None while it has none.

        Raises:
            StoreError: the store cannot be read, or holds something else in its place.
        """

    def records(self, keys: Iterable[str] | None = None) -> Mapping[str, JobRecord]:
        """All records by key, with one listing; or those that there are of these keys, with none.

        Raises:
            StoreError: as for one.
        """

    def keys(self) -> frozenset[str]:
        """Keys of all records, with one listing.

        Raises:
            StoreError: the store cannot be read.
        """

    def add(self, record: JobRecord, files: Mapping[str, Content]) -> JobRecord:
        """Put a job's files, then its record, each if absent.

        Returns:
            The record that is there now: another worker's, where that was faster.

        Raises:
            StoreError: the store cannot be written; then there is no record.
        """

    def put(self, content: Content) -> str:
        """Put a file that belongs to no record, if absent; its hash, under which `artifact` has it.

        Raises:
            StoreError: the store cannot be written.
        """

    def artifact(self, sha256: str) -> Content:
        """A file of a record, or one that was put by itself.

        Raises:
            StoreError: it is not there, or not what it was.
        """

    def once(self, key: str, make: Callable[[], bytes]) -> bytes:
        """What `make` gives for this key: made by one, under a lock that outlives a dead owner, and read by the others.

        Args:
            key: says all that decides the bytes.
            make: makes them; an exception is the caller's, and the next one tries again.
        """
