"""What a batch's store costs: processor time of each operation on a record, for more and more records."""

from __future__ import annotations

import hashlib
import tempfile
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from rich.table import Table

from dlpuconv.batches.record import Circumstances, JobRecord, Outcome, StoredArtifact
from dlpuconv.batches.store import open_store
from scripts.benchmarks.shared import console

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_MS = 5.0
"""Bar: of the scheduler and the store together, a job."""
_LINEAR = 1.3
"""Bar: how many times as long a record may take of four times as many."""


def run_store(*, url: str, jobs: int) -> tuple[dict[str, Any], list[str]]:
    """Add, list and read so many records, half and a quarter of them: what one costs may not depend on how many.

    Args:
        url: where stores are made that stay there; empty for a temporary folder, which does not.
        jobs: records, each with a file of its own.

    Returns:
        Milliseconds of processor time a record by count and operation, and the bars that were missed.
    """
    figures: dict[str, Any] = {}
    table = Table("records", "add", "keys", "records", "all, ms each", title="processor time a record, ms")
    for count in (max(jobs // 4, 1), max(jobs // 2, 1), jobs):
        with tempfile.TemporaryDirectory() as folder:
            spent = _spent(f"{url.rstrip('/')}/{uuid4().hex}" if url else folder, count)
        figures[str(count)] = {**spent, "all": sum(spent.values())}
        table.add_row(str(count), *(f"{value:.3f}" for value in figures[str(count)].values()))
    console.print(table)
    missed = [
        f"{count} records: {spent['all']:.2f} ms each" for count, spent in figures.items() if spent["all"] > _MOST_MS
    ]
    few, *_, many = (spent["all"] for spent in figures.values())
    if many > _LINEAR * few:
        missed.append(f"a record takes {many:.2f} ms of {jobs}, and {few:.2f} ms of a quarter of them")
    for sentence in missed:
        console.print(f"[red]missed:[/] {sentence}")
    return {"ms": figures}, missed


def _spent(url: str, count: int) -> dict[str, float]:
    store, records = open_store(url), [_record(number) for number in range(count)]
    contents = {record.key: {"net.bin": record.name.encode()} for record in records}

    def each(work: Callable[[], object]) -> float:
        start = time.process_time()
        work()
        return (time.process_time() - start) * 1000 / count

    return {
        "add": each(lambda: [store.add(record, contents[record.key]) for record in records]),
        "keys": each(store.keys),
        "records": each(store.records),
    }


def _record(number: int) -> JobRecord:
    name = f"net-{number}.chip"
    digest = hashlib.sha256(name.encode()).hexdigest()
    return JobRecord(
        key=digest,
        name=name,
        model="models/net.onnx",
        target="chip",
        options={"effort": "fast"},
        outcome=Outcome.CONVERTED,
        verdict="pass",
        files={"net.bin": StoredArtifact(sha256=digest, size=len(name))},
        circumstances=Circumstances(host="here", started=time.time(), seconds=1.0),
    )
