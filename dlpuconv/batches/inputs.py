"""A job's inputs as paths of the machine that converts: where they are, fetched from a URL, or out of the store.

The workers of a distant engine see the store and nothing else. For them the files of this machine are put into the
store once, as one archive each under its content's hash; `pack` and `unpacked` are the two ends.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.places import fetch, is_url
from dlpuconv.calibration.open import is_made_up
from dlpuconv.delivery.inputs import weights_of
from dlpuconv.errors import BackendError, DlpuconvError, ModelError
from dlpuconv.files.regular import open_regular
from dlpuconv.files.urls import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.batches.job import BatchJob
    from dlpuconv.batches.store.store import Store


def places_of(job: BatchJob) -> dict[str, str]:
    """What a job reads, by what it is."""
    named = {
        "model": job.model,
        "target": job.target if job.target.endswith(".toml") else "",
        "calibration": job.calibration,
        "validation": job.validation,
        "recipe": str(job.options.get("recipe") or ""),
    }
    return {what: place for what, place in named.items() if place and not is_made_up(place)}


def gathered(job: BatchJob, store: Store, carried: Mapping[str, str], folder: Path) -> dict[str, Any]:
    """Model, target, calibration, validation and options with paths of this machine.

    Args:
        job: names them.
        store: holds those that are carried.
        carried: key in the store by place.
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
            found[what] = str(_unpacked(store.once(carried[place], _gone), own))
        elif is_url(place):
            own.mkdir(parents=True)
            found[what] = str(_fetched(place, own))
    options = {**job.options, **({"recipe": found["recipe"]} if "recipe" in found else {})}
    data = {what: found.get(what, getattr(job, what)) for what in ("calibration", "validation")}
    return {"model": found["model"], "target": found.get("target", job.target), "options": options, **data}


def carry(job: BatchJob, store: Store, carried: dict[str, str]) -> dict[str, str]:
    """Put the files of this machine that a job reads into the store, each once; and say under which keys.

    Args:
        job: names them.
        store: for them.
        carried: what was put there for other jobs; those of this one are added.
    """
    places = [place for place in places_of(job).values() if not is_url(place)]
    for place in places:
        if place not in carried and Path(place).exists():
            packed = _packed(Path(place))
            key = f"input-{hashlib.sha256(packed).hexdigest()}"
            store.once(key, lambda packed=packed: packed)  # type: ignore[misc]
            carried[place] = key
    return {place: carried[place] for place in places if place in carried}


def _packed(path: Path) -> bytes:
    """A file with what belongs to it, or a folder, as an archive that says nothing of times and owners."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, file in sorted(_members(path)):
            with open_regular(file) as content:
                told = tarfile.TarInfo(name)
                told.size = file.stat().st_size
                archive.addfile(told, content)
    return stream.getvalue()


def _members(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        found = (file for file in path.rglob("*") if file.is_file())
        yield from ((f"{path.name}/{file.relative_to(path).as_posix()}", file) for file in found)
        return
    yield path.name, path
    if path.suffix.lower() == ".onnx":
        real = path.resolve().parent
        yield from ((file.relative_to(real).as_posix(), file) for file in weights_of(path) if file.is_relative_to(real))


def _unpacked(packed: bytes, folder: Path) -> Path:
    """The file or folder that was packed: the first member's, for a model comes before its weights by name or not."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    entries = sorted(folder.iterdir())
    models = [entry for entry in entries if entry.suffix.lower() == ".onnx"]
    return (models or entries)[0]


def _fetched(url: str, folder: Path) -> Path:
    try:
        return fetch(url, folder)
    except DlpuconvError:
        raise
    except Exception as error:
        raise ModelError(f"{shown(url)} cannot be read: {type(error).__name__}", id="model-unreachable") from error


def _gone() -> bytes:
    raise BackendError(
        "an input file that this batch put into the store is no longer there: run the batch again",
        id="batch-input-gone",
    )
