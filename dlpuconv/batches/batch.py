"""What `dlpuconv.batch` returns: the records of all jobs, as values, as a table, and as what failed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from dlpuconv.batches.record import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.store.store import Store
    from dlpuconv.files.content import Content
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True)
class Batch:
    """The records of a batch.

    Attributes:
        records: one for each job, in the order of the jobs.
        store: where they are, with the files.
    """

    records: tuple[JobRecord, ...]
    store: Store

    def __iter__(self) -> Iterator[JobRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, name: str) -> JobRecord:
        """The record of a job by its name.

        Raises:
            KeyError: there is no such job.
        """
        for record in self.records:
            if record.name == name:
                return record
        raise KeyError(name)

    @property
    def failures(self) -> tuple[JobRecord, ...]:
        """Records of jobs that made no file, or one that failed verification."""
        return tuple(r for r in self.records if r.outcome is not Outcome.CONVERTED or r.verdict == "fail")

    @property
    def table(self) -> list[dict[str, Json]]:
        """A row for each job, as `pandas.DataFrame` and the like take it."""
        return [
            {
                "name": record.name,
                **record.axes,
                "outcome": record.outcome.value,
                "verdict": record.verdict,
                "sqnr_db": record.sqnr_db,
                "metric": record.metric,
                "float_metric": record.float_metric,
                "artifact_size": record.artifact_size,
                "macs": record.macs,
                "seconds": record.circumstances.seconds,
                "error": record.error,
            }
            for record in self.records
        ]

    def files(self, record: JobRecord) -> Mapping[str, Content]:
        """What a job made, by path relative to a folder, as `convert` would have written it.

        Raises:
            StoreError: the store cannot be read.
        """
        return {path: self.store.artifact(stored.sha256) for path, stored in record.files.items()}

    @override
    def __repr__(self) -> str:
        counted = Counter(record.verdict or record.outcome.value for record in self.records)
        return f"<Batch of {len(self)}: {', '.join(f'{count} {word}' for word, count in sorted(counted.items()))}>"

    def _repr_html_(self) -> str:
        from rich.table import Table

        from dlpuconv.display.notebook import as_html
        from dlpuconv.language.printable import printable

        shown = Table("job", "outcome", "verdict", "dB", "metric", box=None, header_style="bold")
        for r in self.records:
            figures = ("-" if figure is None else f"{figure:.4g}" for figure in (r.sqnr_db, r.metric))
            shown.add_row(printable(r.name), r.outcome.value, r.verdict or "-", *figures)
        return as_html([shown])
