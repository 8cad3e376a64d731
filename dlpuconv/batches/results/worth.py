"""What jobs of a batch are compared by in a plot, where every dot has to mean the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dlpuconv.batches.record import JobRecord


@dataclass(frozen=True, slots=True)
class Worth:
    """One number of each job; more is better.

    Attributes:
        label: what it is.
        of: takes it from a record; None where it was not measured.
    """

    label: str
    of: Callable[[JobRecord], float | None]


_METRIC = Worth("metric", lambda record: record.metric)
_SQNR = Worth("SQNR, dB", lambda record: record.sqnr_db)


def worth_of(records: Sequence[JobRecord]) -> Worth:
    """The metric, where one and the same scored the jobs; of several, how much of the source's is kept; else SQNR."""
    scored = [record for record in records if record.metric is not None]
    if not scored:
        return _SQNR
    metrics = {json.dumps(record.options.get("metric"), sort_keys=True) for record in scored}
    return _METRIC if len(metrics) == 1 else Worth("metric kept, %", _kept)


def _kept(record: JobRecord) -> float | None:
    if record.metric is None or not record.float_metric or record.float_metric < 0:
        return None
    return 100 * record.metric / record.float_metric
