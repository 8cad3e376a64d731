"""Write files so that no name is ever missing, mixed or half-written: everything is made ready first, then replaced.

A kill between two names leaves a journal, from which the next run into the folder completes or undoes the delivery.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dlpuconv.delivery.destination import check_destination, outdated_files, tops_of
from dlpuconv.delivery.inputs import Inputs
from dlpuconv.delivery.journal import Item, Journal, digest_to_be, sync_folder
from dlpuconv.errors import OutputError
from dlpuconv.files.content import write_content
from dlpuconv.files.locks import try_lock
from dlpuconv.files.scratch import is_own_folder
from dlpuconv.formats.unfinished import JOURNAL, PREFIX, read_journal, staging_folders

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.delivery.destination import Force
    from dlpuconv.files.content import Content

_PATIENCE_S = 60.0


def deliver(folder: Path, files: Mapping[str, Content], *, force: Force, inputs: Inputs) -> None:
    """Write every file, or none; what an earlier conversion wrote and this one has no more goes with the replaced.

    Args:
        folder: made if it is missing.
        files: content by path relative to `folder`, with `/`; a first component that holds further paths is a
            folder that is replaced as a whole.
        force: what may be replaced.
        inputs: what the conversion reads, which is never replaced.

    Raises:
        OutputError: something exists that may not be replaced, the folder cannot be written, or the disk is full.
    """
    with _ready(folder, files, force, inputs):
        _replace(folder, files, outdated_files(folder, files, inputs) if force else [])


def write_all(folder: Path, files: Mapping[str, Content], *, force: bool) -> None:
    """Write every file, or none, with no regard to who has written what is replaced.

    Args:
        folder: made if it is missing.
        files: as for `deliver`.
        force: existing files may be replaced.

    Raises:
        OutputError: a file exists and `force` is off, the folder cannot be written, or the disk is full.
    """
    with _ready(folder, files, "all" if force else False, Inputs()):
        _replace(folder, files, [])


def recover(folder: Path) -> None:
    """Complete or undo deliveries into a folder that were interrupted, and remove what they left.

    Raises:
        OutputError: another run writes there and does not end, or the system refuses.
    """
    if os.path.isdir(folder):  # noqa: PTH112 - a name that is too long is refused by whoever checks the destination
        with _sentences(folder), _alone_in(folder):
            _recover(folder)


@contextmanager
def _ready(folder: Path, files: Mapping[str, Content], force: Force, inputs: Inputs) -> Iterator[None]:
    """The folder to oneself, with no other delivery half done and nothing in the way."""
    check_destination(folder, (), force=force)
    with _sentences(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _alone_in(folder):
            _recover(folder)
            check_destination(folder, files, force=force, inputs=inputs)
            yield


@contextmanager
def _sentences(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write to {str(folder)!r}: {_reason(error)}; {_state(folder)}", id="output-not-writable"
        ) from error


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """No other run that delivers into the folder meanwhile; where the file system has no locks, nobody can tell."""
    held = _lock(folder)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _lock(folder: Path) -> int | None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            held = try_lock(folder.resolve())
        except OSError:
            return None
        if held is not None:
            return held
        if time.monotonic() > deadline:
            raise OutputError(
                f"another run is writing to {str(folder)!r}: wait for it to end, or give another --output",
                id="output-busy",
            )
        time.sleep(0.05)


def _recover(folder: Path) -> None:
    for entry in list(staging_folders(folder)):
        if not is_own_folder(entry):
            continue
        staging = Path(entry.path)
        journal = Journal.read(staging)
        if journal is not None:
            journal.settle()
            journal.close()
        shutil.rmtree(staging, ignore_errors=True)


def _replace(folder: Path, files: Mapping[str, Content], outdated: list[str]) -> None:
    staging = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    try:
        _stage(staging, files)
        _carry_out(Journal(staging=staging, items=_items(folder, files), outdated=tuple(outdated)))
    finally:
        if not (staging / JOURNAL).exists():
            shutil.rmtree(staging, ignore_errors=True)


def _carry_out(journal: Journal) -> None:
    """Replace everything or, where that fails, nothing; where both fail, the journal stays for the next run."""
    try:
        journal.write()
        journal.replace_all()
    except BaseException:
        journal.revert()
        journal.close()
        raise
    journal.close()


def _items(folder: Path, files: Mapping[str, Content]) -> tuple[Item, ...]:
    inside: dict[str, dict[str, Content]] = {}
    for name, content in files.items():
        top, *rest = PurePosixPath(name).parts
        inside.setdefault(top, {})["/".join(rest)] = content
    return tuple(
        Item(name=name, digest=digest_to_be(inside[name]), existed=os.path.lexists(folder / name))
        for name in tops_of(files)
    )


def _stage(staging: Path, files: Mapping[str, Content]) -> None:
    """Put everything on the disk: where it is full, that shows here, before anything old is touched."""
    new = staging / "new"
    for folder in (new, staging / "old"):
        folder.mkdir()
    paths = [new / name for name in files]
    for path, content in zip(paths, files.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_content(content, path)
    # Only now, since the first waits for what all have written.
    for path in paths:
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
    for parent, _, _ in new.walk():
        sync_folder(parent)


def _state(folder: Path) -> str:
    with suppress(OSError):
        if any(read_journal(Path(entry.path)) for entry in staging_folders(folder)):
            return "some files were replaced and others not: run the conversion again to complete it"
    return "nothing was changed"


def _reason(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full"
    return error.strerror or str(error)
