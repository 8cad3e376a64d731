"""A store's files on whatever fsspec reaches, such as a bucket: what can refuse to replace a file."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from dlpuconv.batches.store.lease import Patience, RenewedLease
from dlpuconv.errors import MissingDependencyError, StoreError, did_you_mean
from dlpuconv.files.content import pieces_of
from dlpuconv.files.urls import shown, without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager

    from dlpuconv.files.content import Content

_CHUNK = 8 << 20
_ATTEMPTS = 3  # a bucket may ask whoever puts at the same time as another to try again

_one_at_a_time: Final = Lock()
"""For what lies in this process alone, which looks before it puts, and does both in two steps."""


class RemoteShelf:
    """See `Shelf`.

    Args:
        url: of the folder.
        patience: with those who hold a lease.

    Raises:
        MissingDependencyError: fsspec is not installed.
        StoreError: fsspec does not know what the URL names, or that cannot refuse to replace a file.
    """

    def __init__(self, url: str, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()
        self._opened: tuple[int, Any, str] | None = None
        files, _ = self._place
        self._inside = "memory" in _protocols(files)
        if not _can_refuse(files):
            raise StoreError(
                f"the store {shown(url)} cannot be used: {_protocols(files)[0]} cannot refuse to replace a file, so"
                " that"
                " jobs that end at the same time would overwrite each other's results; use a folder or a bucket (s3://,"
                " gs://, abfs://)",
                id="store-not-exclusive",
            )

    def put(self, name: str, content: Content) -> bool:
        """See `Shelf.put`."""
        for attempt in range(_ATTEMPTS):
            try:
                self._create(name, content)
            except FileExistsError:
                return False
            except OSError:  # not every bucket says why it refuses
                if self.size(name) is not None:
                    return False
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return True
        raise AssertionError  # pragma: no cover - the last attempt returned or raised

    def _create(self, name: str, content: Content) -> None:
        files, root = self._place
        with self._told():
            if self._inside:
                with _one_at_a_time:
                    if files.isfile(f"{root}/{name}"):
                        raise FileExistsError
                    files.pipe_file(f"{root}/{name}", b"".join(pieces_of(content)))
            elif isinstance(content, bytes):
                files.pipe_file(f"{root}/{name}", content, mode="create")
            else:
                files.put_file(str(content.path), f"{root}/{name}", mode="create")

    def replace(self, name: str, content: bytes) -> None:
        """See `Shelf.replace`."""
        files, root = self._place
        with self._told():
            files.pipe_file(f"{root}/{name}", content)

    def remove(self, name: str) -> None:
        """See `Shelf.remove`."""
        files, root = self._place
        try:
            with self._told():
                files.rm_file(f"{root}/{name}")
        except FileNotFoundError:
            return

    def names(self, folder: str) -> list[str]:
        """See `Shelf.names`."""
        files, root = self._place
        try:
            with self._told():
                found = files.find(f"{root}/{folder}")
        except FileNotFoundError:
            return []
        return [path.rpartition("/")[2] for path in found]

    def size(self, name: str) -> int | None:
        """See `Shelf.size`."""
        files, root = self._place
        if self._inside and not files.isfile(f"{root}/{name}"):  # its `info` looks at all files
            return None
        try:
            with self._told():
                return (
                    len(files.cat_file(f"{root}/{name}")) if self._inside else int(files.info(f"{root}/{name}")["size"])
                )
        except FileNotFoundError:
            return None

    def read(self, name: str, most: int) -> bytes | None:
        """See `Shelf.read`."""
        return self.read_all([name], most).get(name)

    def read_all(self, names: Collection[str], most: int) -> Mapping[str, bytes]:
        """See `Shelf.read_all`."""
        files, root = self._place
        if not names:
            return {}
        with self._told():
            found = files.cat_ranges([f"{root}/{name}" for name in names], 0, most + 1, on_error="return")
            contents = dict(zip(names, found, strict=True))
            for name, content in contents.items():
                if isinstance(content, BaseException) and not isinstance(content, FileNotFoundError):
                    raise content
                if isinstance(content, bytes) and len(content) > most:
                    raise OSError(errno.EFBIG, f"{name} is larger than {most} bytes")
        return {name: content for name, content in contents.items() if isinstance(content, bytes)}

    def pieces(self, name: str) -> Iterator[bytes]:
        """See `Shelf.pieces`."""
        files, root = self._place
        path, start = f"{root}/{name}", 0
        with self._told():
            size = int(files.info(path)["size"])
        while start < size:
            with self._told():
                chunk = files.cat_file(path, start=start, end=min(start + _CHUNK, size))
            if not chunk:
                raise OSError(errno.EIO, f"{name} became shorter while it was read")
            yield chunk
            start += len(chunk)

    def lease(self, name: str, arrived: Callable[[], bool]) -> AbstractContextManager[None]:
        """See `Shelf.lease`: a file that its owner renews."""
        return RenewedLease(self, f"leases/{name}", arrived, self._patience)

    @property
    def _place(self) -> tuple[Any, str]:
        """The file system and the folder's path on it; opened anew in a process that was forked."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = (os.getpid(), *_opened(self._url))
        return self._opened[1], self._opened[2]

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What a file system raises, as an OSError without secrets."""
        try:
            yield
        except (FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            text = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
            raise OSError(errno.EIO, without_secrets(text, self._url)) from error


def _opened(url: str) -> tuple[Any, str]:
    try:
        import fsspec
    except ImportError as error:
        raise MissingDependencyError("fsspec", "batch", f"the store {shown(url)}") from error
    scheme = url.partition("://")[0].rpartition("::")[2]
    try:
        files, root = fsspec.url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        raise StoreError(
            f"the store {shown(url)} needs a library that is not installed: {without_secrets(str(error), url)}",
            id="store-library-missing",
        ) from error
    except ValueError as error:
        if scheme not in fsspec.available_protocols():
            hint = did_you_mean(scheme, fsspec.available_protocols())
            raise StoreError(
                f"the store {shown(url)} cannot be used: fsspec knows no {scheme}://{hint}", id="store-protocol-unknown"
            ) from error
        raise _unusable(url, error) from error
    except Exception as error:
        raise _unusable(url, error) from error
    return files, root.rstrip("/")


def _unusable(url: str, error: Exception) -> StoreError:
    return StoreError(
        f"the store {shown(url)} cannot be used: {without_secrets(str(error), url)}", id="store-unavailable"
    )


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _can_refuse(files: Any) -> bool:
    """Whether its own code puts files, which fsspec would do in two steps, between which another may put one."""
    from fsspec import AbstractFileSystem
    from fsspec.asyn import AsyncFileSystem

    if isinstance(files, AsyncFileSystem):
        return type(files)._pipe_file is not AsyncFileSystem._pipe_file
    return type(files).pipe_file is not AbstractFileSystem.pipe_file
