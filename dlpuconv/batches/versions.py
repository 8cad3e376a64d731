"""Versions of whatever decides what a job makes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import dlpuconv
from dlpuconv.files.regular import read_regular
from dlpuconv.registry.entries import BACKENDS, TARGETS, entries

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LIBRARIES = (
    "ai-edge-litert", "faster-coco-eval", "flatbuffers", "keras", "ml-dtypes", "numpy", "onnx", "onnx-ir", "onnx2tf",
    "onnxruntime", "onnxscript", "pillow", "tensorflow", "tf-keras", "tf2onnx", "torch", "torchmetrics", "torchvision",
)  # fmt: skip
_OURS = "dlpuconv"


@cache
def deciding_versions(target: str, backend: str) -> Mapping[str, str]:
    """By distribution: this program's, the libraries', and those of the plugins that a target comes from.

    Args:
        target: name, or path of the file that describes one.
        backend: name, where it is not the target's own.
    """
    plugins = {entry.distribution for entry in entries(TARGETS).get(target, ())}
    known = entries(BACKENDS)
    plugins |= {entry.distribution for name in ([backend] if backend else known) for entry in known.get(name, ())}
    return {**_library_versions(), **{name: found for name in sorted(plugins - {_OURS}) if (found := _version(name))}}


@cache
def _library_versions() -> dict[str, str]:
    found = {_OURS: f"{dlpuconv.__version__}+{_source_digest()}"}
    return {**found, **{name: number for name in _LIBRARIES if (number := _version(name))}}


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


@cache
def _source_digest() -> str:
    """Digest of dlpuconv's source and built-in plugins: the version number does not change with every edit."""
    digest = hashlib.sha256()
    for root in (Path(dlpuconv.__file__).parent, *_built_in()):
        for name in sorted(_deciding(root)):
            digest.update(name.encode() + b"\0" + read_regular(root / name))
    return digest.hexdigest()[:12]


def _deciding(root: Path) -> Iterator[str]:
    """Files of a package that decide what is made, templates among them."""
    for path in root.rglob("*"):
        name = path.relative_to(root)
        apart = name.parts[0] in _APART and name.as_posix() not in _ALL_THE_SAME
        if path.is_file() and not apart and "__pycache__" not in name.parts:
            yield name.as_posix()


_APART = ("batches", "cli", "doctor", "templates", "testing")
"""Folders of the package whose code decides nothing of what is made."""

_ALL_THE_SAME = ("batches/conversion_worker.py", "batches/inputs.py", "batches/options.py", "batches/places.py")
"""Files in them that do."""


def _built_in() -> list[Path]:
    from importlib.util import find_spec

    found = {entry.point.module.partition(".")[0] for group in (BACKENDS, TARGETS) for claims in entries(group).values()
             for entry in claims if entry.distribution == _OURS}  # fmt: skip
    specs = (find_spec(name) for name in sorted(found))
    return [Path(place) for spec in specs if spec for place in spec.submodule_search_locations or ()]
