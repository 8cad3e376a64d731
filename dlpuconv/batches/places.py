"""Where a batch's inputs are: on this machine, or wherever fsspec reads."""

from __future__ import annotations

import glob
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from dlpuconv.calibration.open import is_made_up
from dlpuconv.errors import DlpuconvError, MissingDependencyError, ModelError, UsageError, did_you_mean
from dlpuconv.files.urls import shown, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.batches.job import BatchJob

_URL = re.compile(r"[a-z][a-z0-9+.-]*(?:://|::)", re.IGNORECASE)
_LOCAL = "file://"


def is_url(text: str) -> bool:
    """True for what fsspec has to read; a path, and a URL of this machine's files, are not."""
    return _URL.match(text) is not None and not text.startswith(_LOCAL)


def places_of(job: BatchJob) -> dict[str, str]:
    """The files, folders and URLs that a job reads, by what they are to it."""
    data = {"calibration": job.calibration, "validation": job.validation}
    named = {
        "model": job.model,
        "target": job.target if job.target.endswith(".toml") else "",
        **{what: place for what, place in data.items() if not is_made_up(place)},
        "recipe": str(job.options.get("recipe") or ""),
    }
    return {what: place for what, place in named.items() if place}


def resolved(text: str, folder: Path) -> str:
    """A path that others can use: one that is relative is relative to the folder. URLs, and words for data, stay."""
    if not text or is_url(text) or is_made_up(text):
        return text
    return str(folder / (unquote(text.removeprefix(_LOCAL)) if text.startswith(_LOCAL) else text))


def matches(pattern: str) -> list[str]:
    """What a path or URL with `*` means, in the order of names; itself where it has none and something is there.

    Raises:
        MissingDependencyError: fsspec is needed and missing.
        UsageError: fsspec knows no such URL, or lacks a library for it.
        ModelError: the URL cannot be read.
    """
    if is_url(pattern):
        return [pattern] if "*" not in pattern else sorted(_remote_matches(pattern))
    if Path(pattern).exists():  # its name may have brackets
        return [pattern]
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 - a pattern may be absolute


def fetch(url: str, folder: Path) -> Path:
    """Copy a file or folder from a URL, with the weights that an ONNX model keeps beside it.

    Args:
        url: of it.
        folder: an empty one.

    Returns:
        The copy, by its own name.

    Raises:
        MissingDependencyError: fsspec is needed and missing.
        UsageError: it knows no such URL, or lacks a library for it.
        OSError: it cannot be read. Any other exception is the file system's own.
    """
    files, path = _file_system(url)
    around, name, query = _parts(path)
    copy = folder / (name or "input")
    if files.isdir(path):
        for found in files.find(path):
            inside = copy / found[len(path.rstrip("/")) :].lstrip("/")
            _demand_inside(inside, copy)
            inside.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(found, str(inside))
        return copy
    files.get_file(path, str(copy))
    for name in _beside(copy):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        files.get_file(f"{around}/{name}{query}", str(folder / name))
    return copy


def _parts(path: str) -> tuple[str, str, str]:
    """Folder and name of a file, and the query that opens it, where its path is a whole URL (https)."""
    bare = path.partition("?")[0] if "://" in path else path
    around, _, name = bare.rstrip("/").rpartition("/")
    return around, name, path[len(bare) :]


def _beside(model: Path) -> Iterator[str]:
    """Files of an ONNX model's weights, relative to its folder; none leads out of it."""
    from dlpuconv.frontends.external_data import external_locations
    from dlpuconv.frontends.onnx_file import content_of, parse

    if model.suffix.lower() != ".onnx":
        return
    try:
        yield from external_locations(parse(content_of(model), str(model)))
    except ModelError:
        return  # the conversion will say what is wrong with it


def _demand_inside(file: Path, folder: Path) -> None:
    if ".." in file.relative_to(folder).parts:
        raise OSError(f"{file.name} would be written outside of its folder")


def _remote_matches(url: str) -> Iterator[str]:
    try:
        files, path = _file_system(url)
        front = url[: -len(path)] if path and url.endswith(path) else f"{url.partition('://')[0]}://"
        yield from (front + found for found in files.glob(path))
    except DlpuconvError:
        raise
    except Exception as error:  # a file system raises what it likes
        raise ModelError(f"{shown(url)} cannot be listed: {type(error).__name__}", id="model-unreachable") from error


def _file_system(url: str) -> tuple[Any, str]:
    try:
        from fsspec import available_protocols
        from fsspec.core import url_to_fs
    except ImportError:
        raise MissingDependencyError("fsspec", "batch", "a URL") from None
    try:
        files, path = url_to_fs(url)
    except ImportError as error:
        told = without_secrets(str(error), url)
        raise UsageError(f"{shown(url)} needs a library that is not installed: {told}") from error
    except ValueError as error:
        known, scheme = available_protocols(), url.partition("://")[0].rpartition("::")[2]
        if scheme in known:
            raise
        raise UsageError(f"{shown(url)}: fsspec knows no {scheme}://{did_you_mean(scheme, known)}") from error
    return files, str(path)
