"""A job's inputs as paths of the machine that converts: where they are, fetched from a URL, or out of the store.

The workers of a distant engine see the store and nothing else. For them each file or folder of this machine is put into
the store once, as an archive whose first member it is.
"""

from __future__ import annotations

import io
import os
import tarfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.identity import content_of
from dlpuconv.batches.places import fetch, is_url, places_of
from dlpuconv.delivery.inputs import weights_of
from dlpuconv.errors import BackendError, DlpuconvError, ModelError
from dlpuconv.files.content import ContentStore, StoredFile
from dlpuconv.files.regular import open_regular
from dlpuconv.files.scratch import temporary_folder
from dlpuconv.files.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.batches.identity import Identified
    from dlpuconv.batches.job import BatchJob
    from dlpuconv.batches.store.store import Store
    from dlpuconv.files.content import Content

_CHUNK = 1 << 20


def gathered(job: BatchJob, store: Store, carried: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Model, target, calibration, validation and options with paths of this machine.

    Args:
        job: names them.
        store: holds those that are carried.
        carried: hashes of archives in the store, by place.
        folder: for copies, new.

    Raises:
        DlpuconvError: one cannot be had.
    """
    found: dict[str, str] = {}
    for what, place in places_of(job).items():
        found[what] = place
        own = folder / what
        if place in carried:
            own.mkdir(parents=True)
            found[what] = str(_unpacked(store.artifact(carried[place]), own))
        elif is_url(place):
            own.mkdir(parents=True)
            found[what] = str(_fetched(place, own))
    options = {**job.options, **({"recipe": found["recipe"]} if "recipe" in found else {})}
    data = {what: found.get(what, getattr(job, what)) for what in ("calibration", "validation")}
    return {"model": found["model"], "target": found.get("target", job.target), "options": options, **data}


def carry(identified: Identified, store: Store, carried: dict[str, str]) -> dict[str, str]:
    """Put the files of this machine that a job reads into the store, each once; and say under which hashes.

    Args:
        identified: the job that names them.
        store: for them.
        carried: what was put there for other jobs; those of this one are added.

    Raises:
        BackendError: one cannot be packed.
        StoreError: the store cannot be written.
    """
    places = [place for place in places_of(identified.job).values() if not is_url(place)]
    for place in places:
        if place not in carried and os.access(place, os.R_OK):  # else the conversion will say what is wrong with it
            packed = _packed(Path(place))
            if content_of(place) == identified.contents[place]:  # else the worker will say that it was changed
                carried[place] = store.put(packed)
    return {place: carried[place] for place in places if place in carried}


def _packed(path: Path) -> StoredFile:
    """A file with what belongs to it, or a folder, as an archive that says nothing of times and owners."""
    try:
        with temporary_folder("pack") as folder:
            with tarfile.open(folder / "packed", "w") as archive:
                for name, member in _members(path):
                    _add(archive, name, member)
            with (folder / "packed").open("rb") as stream:
                return ContentStore().collect(iter(partial(stream.read, _CHUNK), b""))
    except OSError as error:
        raise BackendError(
            f"{str(path)!r} cannot be handed to workers: {error.strerror or error}", id="batch-input-not-shared"
        ) from error


def _members(path: Path) -> Iterator[tuple[str, Path]]:
    """What is asked, then what it holds or needs, in the order of names."""
    own = path.name if path.name not in ("", "..") else "folder"
    yield own, path
    if path.is_dir():
        found = (file for file in path.rglob("*") if file.is_file() and os.access(file, os.R_OK))
        yield from sorted((f"{own}/{file.relative_to(path).as_posix()}", file) for file in found)
    elif path.suffix.lower() == ".onnx":
        yield from sorted(weights_of(path).items())  # which may be links, as in a cache of downloads


def _add(archive: tarfile.TarFile, name: str, member: Path) -> None:
    told = tarfile.TarInfo(name)
    if member.is_dir():
        told.type, told.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(told)
        return
    with open_regular(member) as content:
        told.size = os.fstat(content.fileno()).st_size
        archive.addfile(told, content)


def _unpacked(packed: Content, folder: Path) -> Path:
    """The file or folder that was packed."""
    with ExitStack() as stack:
        stored = stack.enter_context(packed.path.open("rb")) if isinstance(packed, StoredFile) else io.BytesIO(packed)
        archive = stack.enter_context(tarfile.open(fileobj=stored))
        first = archive.next()
        archive.extractall(folder, filter="data")
    assert first is not None, "an archive begins with what it is of"
    return folder / first.name


def _fetched(url: str, folder: Path) -> Path:
    try:
        return fetch(url, folder)
    except DlpuconvError:
        raise
    except Exception as error:
        raise ModelError(f"{shown(url)} cannot be read: {type(error).__name__}", id="model-unreachable") from error
