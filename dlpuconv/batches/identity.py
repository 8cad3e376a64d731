"""What decides a job's result, as one hash: contents and versions count, paths and names do not.

Two jobs with the same key make the same file, wherever their inputs lie and whatever they are called; but for a name's
suffix, which says how a file is read. What cannot be read has an identity too, of where it is and what is wrong with
it, so that its record is of that state and of no later one.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dlpuconv.batches.options import CODE
from dlpuconv.batches.places import fetch, is_url, places_of
from dlpuconv.batches.versions import deciding_versions
from dlpuconv.delivery.inputs import weights_of
from dlpuconv.errors import DlpuconvError
from dlpuconv.files.regular import open_regular
from dlpuconv.files.scratch import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from dlpuconv.batches.job import Allowance, BatchJob
    from dlpuconv.jsonable import Json

_FORM = 2
"""Raised where what is hashed changes."""
_CHUNK = 1 << 20
_ANY_NAME = ("utf-8", "surrogateescape")
_NOT_OF_THE_RESULT = ("cache",)
"""Options that decide no byte of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """A job with its key.

    Attributes:
        job: as it is asked.
        key: hex.
        versions: of what decides the result.
        contents: hashes of the files and folders that it reads, as it names them, and of code by its `module:function`.
    """

    job: BatchJob
    key: str
    versions: Mapping[str, str]
    contents: Mapping[str, str] = field(default_factory=dict)


class Identities:
    """Hashes each file and folder once, however many jobs name it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, job: BatchJob) -> Identified:
        """The job with its key."""
        versions = deciding_versions(job.target, str(job.options.get("backend", "")))
        options: dict[str, Json] = {k: v for k, v in job.options.items() if k not in _NOT_OF_THE_RESULT}
        contents = {place: self._content(place) for place in places_of(job).values()}
        contents |= {text: self._code(text) for text in code_of(job)}
        for name in ("recipe", *CODE):
            if isinstance(text := options.get(name), str) and text:
                options[name] = contents[text] if name == "recipe" else [text, contents[text]]
        said: Json = {
            "form": _FORM,
            "model": contents[job.model],
            "target": contents.get(job.target, job.target),
            "calibration": contents.get(job.calibration, job.calibration),
            "validation": contents.get(job.validation, job.validation),
            "options": options,
            "versions": dict(versions),
        }
        text = json.dumps(said, sort_keys=True, ensure_ascii=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        return Identified(job=job, key=key, versions=versions, contents=contents)

    def _content(self, place: str) -> str:
        if place not in self._known:
            self._known[place] = content_of(place)
        return self._known[place]

    def _code(self, text: str) -> str:
        module = f"{text.partition(':')[0]}:"  # no path of a file ends so
        if module not in self._known:
            self._known[module] = code_content(text)
        return self._known[module]


def code_of(job: BatchJob) -> list[str]:
    """The functions of the user's own that a job names, each as `module:function`."""
    return [text for name in CODE if isinstance(text := job.options.get(name), str) and text]


def under(key: str, limits: Allowance) -> str:
    """The key of what became of a job only because of its limits, or of the machine: other limits are another try."""
    return hashlib.sha256(f"{key} within {limits.memory} bytes and {limits.seconds} s".encode()).hexdigest()


def content_of(place: str) -> str:
    """The hash of a file or folder, by path or URL; where it is and what is wrong with it, if it cannot be read.

    Raises:
        MissingDependencyError: it is a URL, and fsspec is not installed.
        UsageError: fsspec knows no such URL, or lacks a library for it.
    """
    try:
        if not is_url(place):
            return _hash_of(Path(place))
        with temporary_folder("fetch") as folder:
            return _hash_of(fetch(place, folder))
    except DlpuconvError:
        raise
    except Exception as error:  # noqa: BLE001 - a file system of fsspec raises what it likes
        return f"unreadable: {place}: {type(error).__name__}"


def _hash_of(path: Path) -> str:
    """Of a file with the weights that it keeps beside it, or of all files of a folder in the order of their names.

    A file of a folder that cannot be read is nobody's loss yet: pictures are read from beside a broken link.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        saved = (path / "saved_model.pb").exists()  # its files are found by their names
        for inside in sorted(_files_in(path)):
            name = inside if saved else _kind(inside)
            try:
                _feed(digest, path / inside, name)
            except OSError as error:
                digest.update(hashlib.sha256(f"{name} {type(error).__name__}".encode(*_ANY_NAME)).digest())
        return digest.hexdigest()
    _feed(digest, path, _suffix(path.name))
    if path.suffix.lower() == ".onnx":
        for weights in weights_of(path).values():
            _feed(digest, weights)
    return digest.hexdigest()


def _suffix(name: str) -> str:
    """The suffix of a file's name, which decides how it is read: `samples.npz` is data, `samples.dat` is refused."""
    return Path(name).suffix.lower()


def _kind(inside: str) -> str:
    """How a file of a folder is read: by its suffix, and not at all if it is hidden."""
    return f"{'.' if any(part.startswith('.') for part in Path(inside).parts) else ''}{_suffix(inside)}"


def _files_in(folder: Path) -> Iterable[str]:
    return (str(Path(at, name).relative_to(folder)) for at, _, names in os.walk(folder) for name in names)


def _feed(digest: hashlib._Hash, path: Path, name: str = "") -> None:
    """A file with its length, so that two short ones are not one long one."""
    one = hashlib.sha256(name.encode(*_ANY_NAME))
    with open_regular(path) as stream:
        while chunk := stream.read(_CHUNK):
            one.update(chunk)
    digest.update(one.digest())


def code_content(text: str) -> str:
    """The hash of the module that a `module:function` names.

    It is not imported, nor what it is in: its file is found as Python would, the current folder coming last.
    """
    module = text.partition(":")[0]
    top, *inner = module.split(".")
    here = str(Path.cwd())
    try:
        found = find_spec(top) or PathFinder.find_spec(top, [here])
    except (ImportError, ValueError):
        found = PathFinder.find_spec(top, [here])
    for name in inner:
        found = PathFinder.find_spec(name, list(found.submodule_search_locations or ())) if found else None
    origin = found.origin if found and found.has_location else None
    return content_of(origin or str(Path(here, f"{module}.py")))
