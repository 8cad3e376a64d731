"""The records of a batch in one file of JSON: what `--json` prints, and what `diff` reads again."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from dlpuconv.batches.results.merit import by_need, standing
from dlpuconv.batches.store import record_file
from dlpuconv.errors import UsageError
from dlpuconv.files.regular import open_regular
from dlpuconv.manifest.fields import FieldError, Fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.jsonable import Json

FORMAT = 1
SUFFIX = ".json"
RESULTS = f"results{SUFFIX}"
"""The file of results in the folder of --output."""
_MOST_BYTES = 1 << 28
_MOST_FORMAT = 1 << 31


def results_json(records: Iterable[JobRecord]) -> dict[str, Json]:
    """All records as JSON, failures first, with the number of records of each standing."""
    ordered = by_need(records)
    counted = Counter(standing(record) for record in ordered)
    return {
        "format": FORMAT,
        "verdict": "pass" if all(each.good for each in counted) else "fail",
        "counts": {each.value: counted[each] for each in sorted(counted, key=lambda each: (each.rank, each))},
        "records": [record_json(record) for record in ordered],
    }


def record_json(record: JobRecord) -> dict[str, Json]:
    """One, as its store has it: no URL in it tells what opens it."""
    content: dict[str, Json] = json.loads(record_file.to_bytes(record))
    return content


def read_results(path: Path) -> tuple[JobRecord, ...]:
    """The records of such a file.

    Raises:
        UsageError: it is none.
    """
    try:
        with open_regular(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}", id="results-unreadable"
        ) from error
    try:
        return _records(content)
    except FieldError as error:
        raise UsageError(
            f"{str(path)!r} does not hold the results of a batch: {error}", id="results-unreadable"
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{str(path)!r} does not hold the results of a batch: it is not JSON", id="results-unreadable"
        ) from error


def _records(written: bytes) -> tuple[JobRecord, ...]:
    if len(written) > _MOST_BYTES:
        raise FieldError(f"it has more than {_MOST_BYTES >> 20} MiB")
    content = json.loads(written)
    if not isinstance(content, dict):
        raise FieldError("it is not a JSON object")
    fields = Fields(content)
    if fields.integer("format", 1, _MOST_FORMAT) > FORMAT:
        raise FieldError(f"this version of dlpuconv reads its format up to {FORMAT}: update it")
    return tuple(map(_record, fields.each("records")))


def _record(fields: Fields) -> JobRecord:
    content: Mapping[str, Any] = fields.content
    try:
        return record_file.parse(json.dumps(content).encode(), fields.text("key"))
    except FieldError as error:
        raise FieldError(f"{fields.place.rstrip('.')} {error}") from error
