"""Records come back as they were, and what a stranger wrote in their place is refused by the name of its field."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.store.record_file import parse, to_bytes
from tests.batches.store.examples import BYTES, key_of, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = st.text(max_size=20).filter(lambda text: "://" not in text)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
NUMBERS = st.none() | st.floats(-1e30, 1e30)
COUNTS = st.integers(0, 1 << 60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 60), 1 << 60) | st.floats(-1e30, 1e30) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
NAMES = st.lists(st.text("ab. ü", min_size=1).filter(lambda part: part not in (".", "..")), min_size=1, max_size=3)
RECORDS = st.builds(
    JobRecord,
    key=HASHES,
    name=TEXTS,
    model=TEXTS,
    target=TEXTS,
    axes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    options=st.dictionaries(TEXTS, VALUES, max_size=3),
    outcome=st.sampled_from(Outcome),
    verdict=TEXTS,
    reasons=st.lists(TEXTS, max_size=3).map(tuple),
    error=TEXTS,
    error_kind=TEXTS,
    error_id=TEXTS,
    status=st.integers(0, 255),
    sqnr_db=NUMBERS,
    metric=NUMBERS,
    float_metric=NUMBERS,
    macs=st.none() | COUNTS,
    artifact_size=st.none() | COUNTS,
    files=st.dictionaries(NAMES.map("/".join), st.builds(StoredArtifact, sha256=HASHES, size=COUNTS), max_size=3),
    versions=st.dictionaries(TEXTS, TEXTS, max_size=3),
    circumstances=st.builds(
        Circumstances,
        host=TEXTS,
        started=st.floats(0, 1e12),
        seconds=st.floats(0, 1e12),
        attempts=st.integers(1, 99),
        peak_memory=COUNTS,
    ),
)


@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: JobRecord) -> None:
    assert parse(to_bytes(record), record.key) == record


def test_a_number_that_json_has_no_form_for_is_not_told() -> None:
    record = record_of("a", metric=float("nan"), sqnr_db=float("inf"), float_metric=0.0)
    found = parse(to_bytes(record), record.key)
    assert (found.metric, found.sqnr_db, found.float_metric) == (None, None, 0.0)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c.update(key=key_of("b")), "key is another job's"),
        (lambda c: c.update(outcome="won"), "outcome is none of converted"),
        (lambda c: c.pop("verdict"), "verdict is missing"),
        (lambda c: c.update(reasons="no"), "reasons is not a list"),
        (lambda c: c.update(sqnr_db="31"), "sqnr_db is not a finite number"),
        (lambda c: c.update(metric=float("nan")), "metric is not a finite number"),
        (lambda c: c.update(status=-1), "status is not a whole number from 0 to 255"),
        (lambda c: c.update(macs=1 << 64), "macs is not a whole number"),
        (lambda c: c.update(axes=[]), "axes is not a JSON object"),
        (lambda c: c["axes"].update(model=3), r"axes\.model is not a text"),
        (lambda c: c["circumstances"].update(attempts=0), r"circumstances\.attempts is not a whole number"),
        (lambda c: c["files"].update({"../x": c["files"].pop("net.chip.bin")}), "is not a path inside a folder"),
        (lambda c: c["files"].update({"/x": c["files"].pop("net.chip.bin")}), "is not a path inside a folder"),
        (lambda c: c["files"].update({"a\\..\\x": c["files"].pop("net.chip.bin")}), "is not a path inside a folder"),
        (lambda c: c["files"].update({"": c["files"].pop("net.chip.bin")}), "is not a path inside a folder"),
        (lambda c: c["files"]["net.chip.bin"].update(sha256="../../x"), "sha256 is not a hash"),
        (lambda c: c["files"]["net.chip.bin"].update(size=-1), "size is not a whole number"),
        (lambda c: c["files"].update({"net.chip.bin": "x"}), "is not a JSON object"),
        (lambda c: c.update(options=nested(70)), "does not hold the JSON object of a record"),
        (lambda c: c.update(format=0), "format is not a whole number"),
        (lambda c: c.update(format=2), "has the format 2, and this version of dlpuconv reads up to 1"),
    ],
)
def test_what_a_stranger_wrote_is_refused_by_its_field(change: Callable[[dict[str, Any]], object], reason: str) -> None:
    record = record_of("a", BYTES)
    content = json.loads(to_bytes(record))
    change(content)
    with pytest.raises(ValueError, match=reason):
        parse(json.dumps(content).encode(), record.key)


def nested(levels: int) -> dict[str, Any]:
    return {"x": nested(levels - 1)} if levels else {}


@given(st.text("§ß", min_size=1, max_size=8), st.text("§ß", min_size=1, max_size=8))
def test_no_credential_reaches_a_record(user: str, password: str) -> None:
    url = f"s3://{user}:{password}@bucket/models/net.onnx?token={password}"
    record = record_of(
        "a",
        model=url,
        axes={"model": url},
        options={"calibration": url, "more": [{"deep": url}]},
        error=f"{url} cannot be read",
        reasons=(f"see '{url}', please",),
        versions={"store": f"simplecache::{url}"},
    )
    written = to_bytes(record).decode("ascii")
    assert not {"\\u00a7", "\\u00df"} & {written[at : at + 6] for at in range(len(written))}
    found = parse(written.encode(), record.key)
    assert found.model == "s3://bucket/models/net.onnx"
    assert found.error == "s3://bucket/models/net.onnx cannot be read"
