"""A job's record as a file: JSON that a stranger may have written, or another version of dlpuconv."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.files.urls import shown_whole
from dlpuconv.jsonable import finite, is_deeper, told
from dlpuconv.manifest.fields import FieldError, Fields

if TYPE_CHECKING:
    from dlpuconv.jsonable import Json

FORMAT = 1
"""The version of the form of records; a change that only adds a field keeps it."""
MOST_BYTES = 4 << 20
"""The most bytes that one record may have."""
KEY = re.compile(r"[0-9a-f]{16,128}")
SHA256 = re.compile(r"[0-9a-f]{64}")

_DEEPEST = 64
_LARGEST = (1 << 63) - 1


def to_bytes(record: JobRecord) -> bytes:
    """A record as its file; no URL in it tells what opens it, and numbers that JSON has no form for are left out."""
    numbers = {name: finite(getattr(record, name) or 0.0) for name in ("sqnr_db", "metric", "float_metric")}
    known = {name: number if getattr(record, name) is not None else None for name, number in numbers.items()}
    content = _without_secrets({"format": FORMAT, **told(record, **known)})
    return json.dumps(content, allow_nan=False).encode()


def parse(content: bytes, key: str) -> JobRecord:
    """The record in a file.

    Args:
        content: of the file.
        key: of the job that it must tell of.

    Raises:
        ValueError: it is none, another job's, or of a version that is not known; a clause that says so.
    """
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FieldError("is damaged: it is not JSON") from error
    if not isinstance(parsed, Mapping) or is_deeper(dict(parsed), _DEEPEST):
        raise FieldError("is damaged: it does not hold the JSON object of a record")
    fields = Fields(parsed)
    try:
        version = fields.integer("format", 1, _LARGEST)
        if version <= FORMAT:
            return _record(fields, key)
    except FieldError as error:
        raise FieldError(f"is damaged: {error}") from error
    raise FieldError(f"has the format {version}, and this version of dlpuconv reads up to {FORMAT}: update it")


def _record(fields: Fields, key: str) -> JobRecord:
    if fields.text("key") != key:
        raise FieldError("key is another job's")
    return JobRecord(
        key=key,
        name=fields.text("name"),
        model=fields.text("model"),
        target=fields.text("target"),
        axes=_texts(fields.inside("axes")),
        options=dict(fields.inside("options").content),
        outcome=fields.word("outcome", Outcome),
        verdict=fields.text("verdict"),
        reasons=fields.texts("reasons"),
        error=fields.text("error"),
        error_kind=fields.text("error_kind"),
        error_id=fields.text("error_id") if fields.has("error_id") else "",  # was added later
        status=fields.integer("status", 0, 255),
        sqnr_db=_number(fields, "sqnr_db"),
        metric=_number(fields, "metric"),
        float_metric=_number(fields, "float_metric"),
        macs=_count(fields, "macs"),
        artifact_size=_count(fields, "artifact_size"),
        files=_files(fields.inside("files")),
        versions=_texts(fields.inside("versions")),
        circumstances=_circumstances(fields.inside("circumstances")),
    )


def _circumstances(fields: Fields) -> Circumstances:
    return Circumstances(
        host=fields.text("host"),
        started=fields.number("started"),
        seconds=fields.number("seconds"),
        attempts=fields.integer("attempts", 1, _LARGEST),
        peak_memory=fields.integer("peak_memory", 0, _LARGEST),
    )


def _files(fields: Fields) -> dict[str, StoredArtifact]:
    found = {}
    for name in fields.content:
        path = PurePosixPath(name)
        if not path.parts or path.is_absolute() or ".." in path.parts or str(path) != name or set("\0\\") & set(name):
            raise FieldError(f"{fields.place}{name!r} is not a path inside a folder")
        entry = fields.inside(name)
        sha256 = entry.text("sha256")
        if not SHA256.fullmatch(sha256):
            raise FieldError(f"{entry.place}sha256 is not a hash")
        found[name] = StoredArtifact(sha256=sha256, size=entry.integer("size", 0, _LARGEST))
    return found


def _texts(fields: Fields) -> dict[str, str]:
    return {name: fields.text(name) for name in fields.content}


def _number(fields: Fields, name: str) -> float | None:
    return fields.number(name) if fields.has(name) else None


def _count(fields: Fields, name: str) -> int | None:
    return fields.integer(name, 0, _LARGEST) if fields.has(name) else None


def _without_secrets(value: Json) -> Any:
    """The value with every URL in its texts shown without user, password and query."""
    if isinstance(value, str):
        return shown_whole(value)
    if isinstance(value, list):
        return [_without_secrets(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _without_secrets(entry) for name, entry in value.items()}
    return value
