"""`min_runtime_version`: the first TensorFlow Lite that runs a file, as its metadata tells tools and people."""

from __future__ import annotations

METADATA_NAME = "min_runtime_version"
_FIELD_BYTES = 16  # runtime_version.cc: the metadata buffer has 16 bytes, zero padded


def metadata(version: str) -> bytes:
    """The metadata buffer that TensorFlow's own converter writes."""
    return version.encode("ascii").ljust(_FIELD_BYTES, b"\0")
