"""What a delivery may replace, decided before the work that it would be in vain for."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal

from dlpuconv.delivery.journal import is_real_folder
from dlpuconv.errors import OutputError, UsageError
from dlpuconv.files.regular import open_regular
from dlpuconv.formats.package_layout import MANIFEST
from dlpuconv.formats.safe_folder import MOST_TEXT, SafeFolder, UnusableFileError
from dlpuconv.formats.unfinished import PREFIX
from dlpuconv.language.brief import listed
from dlpuconv.manifest import files_in, is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.delivery.inputs import Inputs

type Force = bool | Literal["all"]
"""What of the existing is replaced: nothing, what an earlier conversion has written, or all."""


def check_destination(folder: Path, names: Iterable[str], *, force: Force, inputs: Inputs | None = None) -> None:
    """Refuse early, before long work, what a delivery would refuse at the end.

    Args:
        folder: where the files will go; it is made when the time comes.
        names: relative paths of files that will be written, with `/`; the first component of one that has more is a
            folder that is replaced as a whole.
        force: what may be replaced.
        inputs: what the conversion reads, which is never replaced.

    Raises:
        OutputError: something exists that may not be replaced, or a file cannot be written.
        UsageError: `force` is no such word.
    """
    if force not in (False, True, "all"):
        raise UsageError(f"force is False, True or 'all', not {force!r}", id="argument-type")
    _check_place(folder)
    tops = tops_of(names)
    for name, is_folder in tops.items():
        _check_name(folder, name, is_folder=is_folder)
    existing = [name for name in tops if os.path.lexists(folder / name)]
    if existing and not force:
        raise OutputError(
            f"there is already {listed(existing)} in {str(folder)!r}: give --force to replace it, or another --output",
            id="output-exists",
        )
    if inputs and (lost := inputs.lost_with(folder / name for name in existing)):
        place, given = next(iter(lost.items()))
        raise OutputError(
            f"{place.name} in {str(folder)!r} is not replaced, since this conversion reads {str(given)!r}: give another"
            " --output",
            id="output-is-read",
        )
    if force != "all" and (foreign := _foreign(folder, existing)):
        raise OutputError(
            f"{str(folder)!r} holds {listed(foreign)}, which no manifest of an earlier conversion lists, so that"
            " --force"
            " does not replace it: give --force=all to replace it as well, or another --output",
            id="output-foreign",
        )


def outdated_files(folder: Path, names: Iterable[str], inputs: Inputs) -> list[str]:
    """What an earlier conversion wrote beside the files that are replaced now, and this one has no more.

    Only files that are still as they were written, and that nobody reads.
    """
    tops = tops_of(names)
    found = {
        folder / name
        for manifest in tops
        for name, digest in _entries(_manifest(folder, manifest)).items()
        if name not in tops and name.startswith(manifest.removesuffix(".json")) and _is_unchanged(folder, name, digest)
    }
    return sorted(place.name for place in found - inputs.lost_with(found).keys())


def tops_of(names: Iterable[str]) -> dict[str, bool]:
    """First components of relative paths, sorted, each with whether it is a folder.

    Raises:
        ValueError: a path leads out of the folder: a bug of the caller.
    """
    parts = [_parts(name) for name in names]
    return {first: len(rest) > 0 for first, *rest in sorted(parts)}


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts:
        raise ValueError(f"{name!r} is not a relative path inside the output folder")
    return path.parts


def _check_place(folder: Path) -> None:
    """Refuse a folder that cannot be made, or be written to."""
    missing: list[str] = []
    parent = folder
    while not _is_there(parent, folder) and parent != parent.parent:
        missing.append(parent.name)
        parent = parent.parent
    if not parent.is_dir():
        raise OutputError(f"cannot write to {str(folder)!r}: {str(parent)!r} is not a folder", id="output-not-writable")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise OutputError(
            f"cannot write to {str(folder)!r}: no permission to create files in {str(parent)!r}",
            id="output-not-writable",
        )
    for name in missing:
        _is_there(parent / name, folder)


def _is_there(path: Path, folder: Path) -> bool:
    """Whether there is something of this name.

    Raises:
        OutputError: there can be none: it is too long, or holds what no name may.
    """
    try:
        path.lstat()
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) or error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            what = (
                "too long" if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG else "not a valid name"
            )
            raise OutputError(
                f"cannot write to {str(folder)!r}: {path.name!r} is {what} for a file there", id="output-name-invalid"
            ) from error
        return False
    return True


def _check_name(folder: Path, name: str, *, is_folder: bool) -> None:
    """Refuse a name that the file system does not take, or whose place a folder has."""
    nearest = folder
    while not nearest.exists():
        nearest = nearest.parent
    _is_there(nearest / name, folder)
    _is_there(folder / f"{PREFIX}12345678" / "new" / name, folder)  # where it is written first
    place = folder / name
    if not is_folder and is_real_folder(place):
        raise OutputError(
            f"{name} in {str(folder)!r} is a folder, and a file of that name is to be written: move it away, or give"
            " another --output",
            id="output-is-folder",
        )


def _foreign(folder: Path, existing: list[str]) -> list[str]:
    """Which of these names, or of the files in them, no manifest of ours lists."""
    manifests = {name: manifest for name in existing if (manifest := _manifest(folder, name))}
    ours = {*manifests, *(name for manifest in manifests.values() for name in _entries(manifest))}
    found: list[str] = []
    for name in existing:
        if is_real_folder(folder / name):
            found += _foreign_inside(folder / name)
        elif name not in ours:
            found.append(name)
    return found


def _foreign_inside(package: Path) -> list[str]:
    """Files in a package folder that its manifest does not list; the folder itself if it has no manifest."""
    manifest = _read(package, MANIFEST)
    if not manifest:
        return [package.name]
    listed = {MANIFEST, *_entries(manifest)}
    found = [file for parent, _, names in package.walk() for file in (parent / name for name in names)]
    unknown = {file.relative_to(package).as_posix() for file in found} - listed
    return sorted(f"{package.name}/{name}" for name in unknown)


def _manifest(folder: Path, name: str) -> Mapping[str, object]:
    """What a name's manifest says, if the name is one of a manifest of ours."""
    return _read(folder, name) if name.endswith(".json") else {}


def _read(folder: Path, name: str) -> Mapping[str, object]:
    try:
        content = SafeFolder(folder).read_json(name, MOST_TEXT)
    except UnusableFileError:
        return {}
    return content if is_ours(content) else {}


def _entries(manifest: Mapping[str, object]) -> dict[str, str]:
    """The hash of each file that a manifest lists."""
    return {file.name: file.sha256 for file in files_in(manifest)}


def _is_unchanged(folder: Path, name: str, digest: str) -> bool:
    path = folder / name
    if "/" in name or path.is_symlink() or not path.is_file():
        return False
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == digest
