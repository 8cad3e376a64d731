"""A `.keras` file reduced to what a model of Keras's own layers needs: its configuration and its weights.

Keras imports what a configuration names, so every class in it is checked by `keras_config`, and what was checked is
written anew: Keras never sees the file itself.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any

from dlpuconv.errors import ModelError
from dlpuconv.frontends.tensorflow.keras_config import plain

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
PARTS = CONFIG, METADATA, WEIGHTS
_MOST_PACKED = 16
"""Weights shrink little; what is packed more tightly than this was made to fill the memory."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError, zipfile.BadZipFile, zlib.error)


def plain_files(content: bytes, what: str) -> dict[str, bytes]:
    """The parts of a `.keras` file that a model is read from, without anything that could run.

    Args:
        content: the file.
        what: to call it in a message.

    Raises:
        ModelError: it is no such file, or damaged.
        UnsupportedModelError: it holds Python code, or layers that are not Keras's own.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = {entry.filename: entry for entry in archive.infolist()}
            if any(entry.compress_type not in _METHODS for entry in entries.values()):
                raise ValueError("it is packed by a method that Python unpacks without a bound")
            if sum(entry.file_size for entry in entries.values()) > _MOST_PACKED * len(content):
                raise ValueError("it holds far more than its size allows")
            found = {name: _unpacked(archive, entries[name]) for name in PARTS}
        config, metadata = json.loads(found[CONFIG]), json.loads(found[METADATA])
        if not isinstance(config, dict) or not isinstance(metadata, dict):
            raise TypeError("its configuration is none")
        found[CONFIG] = json.dumps(plain(config, what)).encode()
        found[METADATA] = json.dumps(_version(metadata)).encode()
    except _BROKEN as error:
        told = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"{what} is no Keras model, or is damaged: {told}", id="keras-file-damaged") from error
    return found


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Content of an entry, limited to the size that the table of contents states, however much is really packed."""
    with archive.open(entry) as file:
        return file.read(entry.file_size)


def _version(metadata: dict[str, Any]) -> dict[str, str]:
    return {"keras_version": str(metadata.get("keras_version", "")), "date_saved": ""}
