"""Write files so that nothing is half-written: everything goes to temporary names first, then all are renamed."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dlpuconv.content import write_content
from dlpuconv.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.content import Content


def check_destination(folder: Path, names: Iterable[str], *, force: bool) -> None:
    """Refuse early, before long work, what `write_all` would refuse at the end.

    Args:
        folder: where the files will go; it is made when the time comes.
        names: first path component of each file or folder that will be written.
        force: existing ones may be replaced.

    Raises:
        OutputError: a file exists and `force` is off, or the folder cannot be written.
    """
    parent = folder
    while not parent.exists() and parent != parent.parent:
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"cannot write to {str(folder)!r}: {str(parent)!r} is not a folder")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write to {str(folder)!r}: no permission to create files in {str(parent)!r}")
    existing = sorted({name for name in names if (folder / name).exists()})
    if existing and not force:
        raise OutputError(
            f"{', '.join(existing)} already in {str(folder)!r}: give --force to replace, or another --output"
        )


def write_all(folder: Path, files: Mapping[str, Content], *, force: bool) -> None:
    """Write every file, or none.

    Args:
        folder: made if it is missing.
        files: content by path relative to `folder`, with `/`; a first component that holds further paths is a
            folder that is replaced as a whole.
        force: existing files may be replaced.

    Raises:
        OutputError: a file exists and `force` is off, the folder cannot be written, or the disk is full.
    """
    tops = sorted({_checked(name).parts[0] for name in files})
    check_destination(folder, tops, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dlpuconv-", dir=folder, ignore_cleanup_errors=True) as staging:
            _stage(Path(staging) / "new", files)
            _swap(Path(staging), folder, tops)
    except OSError as error:
        raise OutputError(f"cannot write to {str(folder)!r}: {_reason(error)}; nothing was changed") from error


def _stage(staging: Path, files: Mapping[str, Content]) -> None:
    paths: list[Path] = []
    for name, content in files.items():
        path = staging.joinpath(*_checked(name).parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_content(content, path)
        paths.append(path)
    # A full disk shows here, before anything old is touched. Only now, since the first waits for what all have written.
    for path in paths:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())


def _swap(staging: Path, folder: Path, tops: list[str]) -> None:
    """Move the old aside and the new in; put the old back if a move fails."""
    old = staging / "old"
    old.mkdir()
    moved: list[str] = []
    try:
        for name in tops:
            if (folder / name).exists():
                (folder / name).replace(old / name)
            moved.append(name)
            (staging / "new" / name).replace(folder / name)
    except BaseException:
        for name in moved:
            _remove(folder / name)
            if (old / name).exists():
                (old / name).replace(folder / name)
        raise


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _checked(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"{name!r} is not a relative path inside the output folder")
    return path


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return error.strerror or str(error)
