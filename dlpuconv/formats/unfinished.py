"""Deliveries that were cut short: a journal beside the files tells which of them may be old or new."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.safe_folder import SafeFolder, UnusableFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = ".dlpuconv-"
"""What the folder is called in which a delivery is made ready, beside the files that it replaces."""
JOURNAL = "journal.json"
"""File in that folder, from the moment that everything is ready until the last file is in its place."""

_NAME = re.compile(rf"{re.escape(PREFIX)}[a-z0-9_]{{8}}")
_MOST_BYTES = 16 << 20


def staging_folders(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Where deliveries into a folder were made ready; links are left out.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                yield entry


def read_journal(staging: Path) -> dict[str, Any]:
    """What the journal in such a folder says; nothing where there is none that can be read."""
    try:
        return SafeFolder(staging).read_json(JOURNAL, _MOST_BYTES)
    except (UnusableFileError, OSError):
        return {}


def refuse_unfinished(path: Path) -> None:
    """Refuse to read what an interrupted delivery has left half done.

    Args:
        path: a file or package folder, or a file in such a folder.

    Raises:
        ArtifactError: it is among the names of a delivery that did not come to its end.
    """
    for whole in (path, path.parent):
        if _is_pending(Path(os.path.realpath(whole))):
            raise ArtifactError(
                f"{whole.name} may be of an old conversion or of a new one: writing the results into"
                f" {str(whole.parent)!r} was interrupted, or is still going on; run that conversion again to complete"
                " it",
                id="artifact-unfinished",
            )


def _is_pending(whole: Path) -> bool:
    """Whether a journal beside it names a file or folder."""
    with suppress(OSError):
        for entry in staging_folders(whole.parent):
            items = read_journal(Path(entry.path)).get("items")
            if isinstance(items, list) and any(isinstance(i, dict) and i.get("name") == whole.name for i in items):
                return True
    return False
