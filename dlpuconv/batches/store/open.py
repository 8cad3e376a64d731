"""A store by what the user calls it: a folder, or a URL of whatever fsspec reaches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from dlpuconv.batches.store.shelved import ShelvedStore

if TYPE_CHECKING:
    from dlpuconv.batches.store.store import Store

_FILE = "file://"


def open_store(url: str | Path) -> Store:
    """Open a store; nothing is read or made before it is used.

    Args:
        url: path of a folder, or a URL such as `s3://bucket/folder`; credentials are best left to the environment.

    Raises:
        MissingDependencyError: it is a URL, and fsspec is not installed.
        StoreError: there is no such kind of store, or it cannot refuse to replace a file.
    """
    name = str(url)
    if name.startswith(_FILE) or "://" not in name:
        from dlpuconv.batches.store.folder_shelf import FolderShelf

        path = Path(unquote(name.removeprefix(_FILE)) if name.startswith(_FILE) else name).absolute()
        return ShelvedStore(str(path), FolderShelf(path))  # a worker may be in another folder
    from dlpuconv.batches.store.remote_shelf import RemoteShelf

    return ShelvedStore(name, RemoteShelf(name))
