"""The key that a lowering is kept under: everything that decides what the worker makes."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

_LIBRARIES = ("onnx2tf", "onnx", "flatbuffers", "numpy")
"""Distributions that the worker computes with."""
_OURS = ("worker.py", "raw.py")
"""Code of ours that does, or that says what it is asked."""


def key_of(arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """The hash of what the worker is sent, and of the worker's own versions."""
    asked = hashlib.sha256()
    for name, values in arrays.items():
        asked.update(f"{len(name)} {name} {values.dtype.str} {values.shape} ".encode(errors="surrogatepass"))
        asked.update(np.ascontiguousarray(values).reshape(-1).view(np.uint8).data)
    return f"lowering {_worker()} {asked.hexdigest()}"


@cache
def _worker() -> str:
    ours = hashlib.sha256(b"".join(Path(__file__).with_name(name).read_bytes() for name in _OURS))
    return f"{ours.hexdigest()} {' '.join(f'{name} {_version(name)}' for name in _LIBRARIES)}"


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # whoever asks the worker is told
        return "missing"
