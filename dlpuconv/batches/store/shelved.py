"""The store itself: records, artifacts and shared work as files on a shelf.

store.json          the version of this layout
records/<key>.json  one a job, which appears after its files
files/<sha256>      what jobs made, and what distant workers are to read, by content
shared/<hash>       what jobs share, by the hash of its key, sealed
leases/<hash>       of shared work that somebody is at
"""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, override

from dlpuconv.batches.store import record_file
from dlpuconv.errors import StoreError
from dlpuconv.files.content import ContentStore, sha256_of, size_of
from dlpuconv.files.keep import digest_of, sealed, unsealed
from dlpuconv.files.urls import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.store.shelf import Shelf
    from dlpuconv.batches.store.store import Store
    from dlpuconv.files.content import Content

LAYOUT = 1

_MARK = "store.json"
_SUFFIX = ".json"
_MOST_MARK = 1 << 16
_MOST_SHARED = 1 << 31
_IN_MEMORY = 16 << 20  # bytes; what is larger waits on disk


class ShelvedStore:
    """See `Store`. It is pickled as its URL, and opened anew where it arrives.

    Args:
        url: as the user gave it.
        shelf: where its files are.
    """

    def __init__(self, url: str, shelf: Shelf) -> None:
        self._url = url
        self._shelf = shelf
        self._ready = False

    @override
    def __reduce__(self) -> tuple[Callable[[str], Store], tuple[str]]:
        from dlpuconv.batches.store.open import open_store

        return open_store, (self._url,)

    @override
    def __repr__(self) -> str:
        return f"<ShelvedStore {shown(self._url)}>"

    @property
    def url(self) -> str:
        """See `Store.url`."""
        return self._url

    def begin(self) -> None:
        """See `Store.begin`."""
        with self._told("written"):
            self._demand_usable()

    def record(self, key: str) -> JobRecord | None:
        """See `Store.record`."""
        return self._records([key]).get(key)

    def records(self, keys: Iterable[str] | None = None) -> Mapping[str, JobRecord]:
        """See `Store.records`."""
        return self._records(sorted(self.keys() if keys is None else set(keys)))

    def keys(self) -> frozenset[str]:
        """See `Store.keys`."""
        with self._told("read"):
            names = self._shelf.names("records")
        keys = (name.removesuffix(_SUFFIX) for name in names if name.endswith(_SUFFIX))
        return frozenset(key for key in keys if record_file.KEY.fullmatch(key))

    def add(self, record: JobRecord, files: Mapping[str, Content]) -> JobRecord:
        """See `Store.add`.

        Raises:
            ValueError: the record does not tell of these files, or could not be read again.
        """
        told = {name: (file.sha256, file.size) for name, file in record.files.items()}
        if told != {name: (sha256_of(content), size_of(content)) for name, content in files.items()}:
            raise ValueError(f"the record of {record.name} does not tell of its files as they are")
        written, name = record_file.to_bytes(record), _record(record.key)
        readable = record_file.parse(written, record.key)
        self.begin()
        with self._told("written"):
            for content in files.values():
                self._put_file(content)
            if self._shelf.put(name, written):
                return readable
        there = self.record(record.key)
        if there is None:
            raise StoreError(
                f"{name} disappeared from the store {shown(self._url)} while it was written", id="store-damaged"
            )
        return there

    def put(self, content: Content) -> str:
        """See `Store.put`."""
        self.begin()
        with self._told("written"):
            self._put_file(content)
        return sha256_of(content)

    def artifact(self, sha256: str) -> Content:
        """See `Store.artifact`."""
        if not record_file.SHA256.fullmatch(sha256):
            raise StoreError(
                f"the store {shown(self._url)} cannot hold {sha256!r}, which is not a SHA-256 hash", id="store-damaged"
            )
        name = f"files/{sha256}"
        with self._told("read"):
            size = self._shelf.size(name)
            if size is None:
                raise StoreError(
                    f"the store {shown(self._url)} has no {name}, which a record or a job names", id="store-damaged"
                )
            pieces = self._shelf.pieces(name)
            content = b"".join(pieces) if size <= _IN_MEMORY else ContentStore().collect(pieces)
        if sha256_of(content) != sha256:
            raise StoreError(
                f"{name} in the store {shown(self._url)} is damaged: its content has another hash than its name says",
                id="store-damaged",
            )
        return content

    def once(self, key: str, make: Callable[[], bytes], /) -> bytes:
        """See `Store.once`; where the store fails, what it would share is made once more."""
        name = f"shared/{digest_of(key)}"
        found = self._shared(name, key)
        if found is not None:
            return found
        with self._leased(name):
            found = self._shared(name, key)
            return self._share(name, key, make()) if found is None else found

    def _records(self, keys: list[str]) -> dict[str, JobRecord]:
        names = {_record(key): key for key in keys}
        with self._told("read"):
            contents = self._shelf.read_all(names, record_file.MOST_BYTES)
        found = {}
        for name, content in contents.items():
            try:
                found[names[name]] = record_file.parse(content, names[name])
            except ValueError as error:
                raise StoreError(f"{name} in the store {shown(self._url)} {error}", id="store-damaged") from error
        return found

    def _put_file(self, content: Content) -> None:
        name, size = f"files/{sha256_of(content)}", size_of(content)
        there = self._shelf.size(name)
        if there is None and not self._shelf.put(name, content):
            there = self._shelf.size(name)
        if there not in (None, size):
            raise StoreError(
                f"{name} in the store {shown(self._url)} is damaged: it has {there} bytes instead of {size}",
                id="store-damaged",
            )

    def _demand_usable(self) -> None:
        """Before anything is written: nobody else's version of the layout, and nothing that replaces unasked."""
        if self._ready:
            return
        mark = json.dumps({"layout": LAYOUT}).encode()
        if self._shelf.put(_MARK, mark) and self._shelf.put(_MARK, mark):
            raise StoreError(
                f"the store {shown(self._url)} cannot be used: it replaces a file although it was asked not to, so that"
                " jobs that end at the same time would overwrite each other's results",
                id="store-not-exclusive",
            )
        if self._shelf.read(_MARK, _MOST_MARK) != mark:
            raise StoreError(
                f"the store {shown(self._url)} was made by another version of dlpuconv, or holds something else: its"
                f" {_MARK} is not {mark.decode()}",
                id="store-foreign",
            )
        self._ready = True

    def _shared(self, name: str, key: str) -> bytes | None:
        with suppress(OSError, MemoryError):
            stored = self._shelf.read(name, _MOST_SHARED)
            return None if stored is None else unsealed(key, stored)
        return None

    def _share(self, name: str, key: str, content: bytes) -> bytes:
        """Put it if absent; another one's that is there already counts, and a damaged one is replaced."""
        with suppress(OSError):
            if not self._shelf.put(name, sealed(key, content)):
                there = self._shared(name, key)
                if there is not None:
                    return there
                self._shelf.replace(name, sealed(key, content))
        return content

    @contextmanager
    def _leased(self, name: str) -> Iterator[None]:
        """Alone, where the store can have that."""
        with ExitStack() as stack:
            with suppress(OSError):
                stack.enter_context(
                    self._shelf.lease(name.rpartition("/")[2], lambda: self._shelf.size(name) is not None)
                )
            yield

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """What the shelf raises, as one sentence."""
        try:
            yield
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise StoreError(
                f"the store {shown(self._url)} cannot be {what}: {reason}", id="store-unavailable"
            ) from error


def _record(key: str) -> str:
    if not record_file.KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not the key of a job, which is a hash in hex")
    return f"records/{key}{_SUFFIX}"
