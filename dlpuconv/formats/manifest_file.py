"""Finds the manifest of a file or package folder: what dlpuconv wrote about it when it was made."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import ArtifactError
from dlpuconv.files.regular import read_regular
from dlpuconv.formats.files import is_folder
from dlpuconv.formats.package_layout import MANIFEST
from dlpuconv.formats.safe_folder import MOST_TEXT, SafeFolder, UnusableFileError
from dlpuconv.manifest import Manifest, is_ours
from dlpuconv.manifest.fields import Fields

_LARGEST_PART = (1 << 31) - 1  # protobuf's

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dlpuconv.formats.view import FileView


def find_manifest(path: Path, view: FileView | None = None) -> Manifest | None:
    """The manifest of a file: `manifest.json` in a folder, else the same name with `.json`; None where there is none.

    What a chip's own compiler made of a file has that file's manifest, as far as its name tells. A manifest that lists
    another hash for the file describes another file: it is not used. JSON of another tool, and what is no JSON at all,
    is none of our business here; in a package folder, a rule minds it.

    Args:
        path: the file or package folder.
        view: what it holds, where it has been read already.

    Raises:
        ArtifactError: there is one of ours, and it is damaged.
    """
    place = path / MANIFEST if is_folder(path) else _beside(path)
    content = view.package.manifest if view is not None and view.package is not None else _read(place)
    if not is_ours(content):
        return None
    try:
        if not is_folder(path) and not _describes(content, place, path):
            return None
        return Manifest.parse(content, place.name)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"the manifest {place.name} is damaged: {error}", id="manifest-damaged") from error


def read_listed(folder: Path, name: str, manifest: Manifest) -> bytes:
    """The content of a file that belongs to another one, which is what it was when that one was made.

    Args:
        folder: where both lie.
        name: as the manifest names it.
        manifest: of the other file.

    Raises:
        ArtifactError: it leads out of the folder, cannot be read, is not listed, or was changed or replaced.
    """
    try:
        content = SafeFolder(folder).read(name, _LARGEST_PART)
    except (UnusableFileError, OSError) as error:
        raise ArtifactError(
            f"{name!r}, which the manifest {manifest.name} names, {error}", id="manifest-file-unusable"
        ) from error
    if hashlib.sha256(content).hexdigest() not in [file.sha256 for file in manifest.files if file.name == name]:
        raise ArtifactError(
            f"{name!r} is not the file that the manifest {manifest.name} lists: its hash differs",
            id="manifest-file-changed",
        )
    return content


def _read(place: Path) -> Mapping[str, Any]:
    """The JSON object in a file; an empty one where there is no such thing.

    In a package folder a link may not lead out; beside a file of the user's own it may be any.
    """
    try:
        real = place if place.name == MANIFEST else place.resolve()
        return SafeFolder(real.parent).read_json(real.name, MOST_TEXT)
    except (UnusableFileError, OSError, RuntimeError):  # RuntimeError: links in a circle
        return {}


def _beside(path: Path) -> Path:
    plain, (before, _, _) = path.with_suffix(".json"), path.stem.rpartition("_")
    return plain if plain.is_file() or not before else path.with_name(f"{before}.json")


def _describes(content: Mapping[str, Any], place: Path, path: Path) -> bool:
    if place.stem != path.stem:
        return _tells_of_compiled(content, path.name.removeprefix(place.stem))
    digest = hashlib.sha256(read_regular(path)).hexdigest()
    return digest in [entry.text("sha256") for entry in Fields(content).each("files")]


def _tells_of_compiled(content: Mapping[str, Any], added: str) -> bool:
    """Whether the chip's compiler gives what it makes a name that ends so; the rest of it may have been changed."""
    match content:
        case {"facts": {"compiler": {"file": str(name)}}}:
            return name.endswith(added)
        case _:
            return False
