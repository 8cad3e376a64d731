"""How far a batch is, told by its store alone: whoever runs it, and wherever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.batches.results.merit import standing
from dlpuconv.batches.scheduler import as_asked, by_key, recorded

if TYPE_CHECKING:
    from dlpuconv.batches.job import BatchJob
    from dlpuconv.batches.matrix import BatchPlan
    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.shard import Shard
    from dlpuconv.batches.store.store import Store
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProgress:
    """How far a batch is.

    Attributes:
        done: records of jobs whose files may be used.
        failed: of the other jobs that ended.
        to_do: jobs without a record; whether one of them is being run, a store cannot tell.
    """

    done: tuple[JobRecord, ...]
    failed: tuple[JobRecord, ...]
    to_do: tuple[BatchJob, ...]

    @property
    def records(self) -> tuple[JobRecord, ...]:
        """The records of all jobs that ended."""
        return (*self.done, *self.failed)

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {
            "done": [record.name for record in self.done],
            "failed": [
                {
                    "name": record.name,
                    "key": record.key,
                    "standing": standing(record).value,
                    "reasons": list(record.reasons or ((record.error,) if record.error else ())),
                }
                for record in self.failed
            ],
            "to_do": [job.name for job in self.to_do],
        }


def progress_of(plan: BatchPlan, store: Store, shard: Shard) -> BatchProgress:
    """Which jobs have records under what decides them now.

    Raises:
        StoreError: the store cannot be read.
    """
    wanted = by_key(plan.jobs, shard)
    kept = recorded(wanted, store.keys(), plan.limits)
    records = store.records(kept.values())
    found = {key: records[place] for key, place in kept.items()}
    ended = [as_asked(record, each.job) for key, record in found.items() for each in wanted[key]]
    return BatchProgress(
        done=tuple(record for record in ended if standing(record).good),
        failed=tuple(record for record in ended if not standing(record).good),
        to_do=tuple(each.job for key, same in wanted.items() if key not in found for each in same),
    )
