"""Two batches side by side: what got better, what got worse, what is new and what is gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.batches.record import Outcome
from dlpuconv.batches.results.measures import MEASURES
from dlpuconv.batches.results.merit import latest, reason, standing
from dlpuconv.jsonable import finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.results.conditions import Conditions
    from dlpuconv.batches.results.measures import Measure
    from dlpuconv.jsonable import Json


@dataclass(frozen=True, slots=True)
class Change:
    """One job in both batches.

    Attributes:
        before: its record in the first.
        after: in the second.
    """

    before: JobRecord
    after: JobRecord

    @property
    def name(self) -> str:
        """Name of the job in the second batch."""
        return self.after.name

    @property
    def worse(self) -> bool:
        """The verdict decides, then the first measure that tells and differs."""
        return self._direction > 0

    @property
    def better(self) -> bool:
        """Likewise."""
        return self._direction < 0

    @property
    def verdict_loss(self) -> int:
        """Steps that the verdict fell; negative where it rose."""
        return standing(self.before).rank - standing(self.after).rank

    @property
    def _direction(self) -> float:
        losses = (measure.loss(self.before, self.after) for measure in MEASURES if measure.tells)
        return self.verdict_loss or next((loss for loss in losses if loss), 0.0)

    @property
    def urgency(self) -> tuple[float, ...]:
        """Orders changes: the worst loss of what matters most first."""
        losses = (measure.loss(self.before, self.after) or 0.0 for measure in MEASURES if measure.tells)
        return (-self.verdict_loss, *(-loss for loss in losses))

    def to_json(self) -> dict[str, Json]:
        """For `--json`: what was, what is, and the loss of each measure, which is negative where it is better."""
        measures: dict[str, Json] = {measure.word: _told(measure, self) for measure in MEASURES}
        return {
            "name": self.name,
            "axes": dict(self.after.axes),
            "change": "worse" if self.worse else "better" if self.better else "same",
            "keys": [self.before.key, self.after.key],
            "verdict": [standing(self.before).value, standing(self.after).value],
            **measures,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a second batch changed.

    Attributes:
        worse: jobs of both, the worst first.
        better: likewise, the best first.
        same: without a difference but time.
        new: only in the second.
        gone: only in the first.
    """

    worse: tuple[Change, ...]
    better: tuple[Change, ...]
    same: tuple[Change, ...]
    new: tuple[JobRecord, ...]
    gone: tuple[JobRecord, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """The jobs that are in both batches."""
        return (*self.worse, *self.better, *self.same)

    def violations(self, conditions: Conditions) -> tuple[str, ...]:
        """What is worse than it may be, a sentence each."""
        return tuple(_violations(self, conditions))

    def to_json(self, violations: Iterable[str]) -> dict[str, Json]:
        """For `--json`."""
        return {
            "worse": [change.to_json() for change in self.worse],
            "better": [change.to_json() for change in self.better],
            "same": [change.to_json() for change in self.same],
            "new": [record.name for record in self.new],
            "gone": [record.name for record in self.gone],
            "violations": list(violations),
        }


def compare_batches(before: Iterable[JobRecord], after: Iterable[JobRecord]) -> Difference:
    """Match jobs by their place in the matrix: their keys differ wherever a model or a version did."""
    old, new = latest(before), latest(after)
    both = sorted((Change(old[at], new[at]) for at in old.keys() & new.keys()), key=lambda each: each.name)
    worse = [change for change in both if change.worse]
    better = [change for change in both if change.better]
    return Difference(
        worse=tuple(sorted(worse, key=lambda each: each.urgency)),
        better=tuple(sorted(better, key=lambda each: each.urgency, reverse=True)),
        same=tuple(change for change in both if not change.worse and not change.better),
        new=_named(new[at] for at in new.keys() - old.keys()),
        gone=_named(old[at] for at in old.keys() - new.keys()),
    )


def _named(records: Iterable[JobRecord]) -> tuple[JobRecord, ...]:
    return tuple(sorted(records, key=lambda each: each.name))


def _violations(found: Difference, conditions: Conditions) -> Iterator[str]:
    for change in found.changes:
        if conditions.verdict and change.verdict_loss > 0:
            why = f": {told}" if (told := reason(change.after)) else ""
            yield f"{change.name}: {standing(change.before)} became {standing(change.after)}{why}"
            if change.after.outcome is not Outcome.CONVERTED:  # which says it all
                continue
        for limit in conditions.measures:
            if limit.exceeded(change.before, change.after):
                yield f"{change.name}: {_sentence(limit.measure, change)}, beyond {limit}"
    if conditions.missing:
        yield from (f"{record.name}: it is not there any more" for record in found.gone)


def _sentence(measure: Measure, change: Change) -> str:
    old, new = measure.of(change.before), measure.of(change.after)
    return f"{measure.title} went from {old:.10g} to {'nothing' if new is None else format(new, '.10g')}"


def _told(measure: Measure, change: Change) -> Json:
    values = (measure.of(change.before), measure.of(change.after), measure.loss(change.before, change.after))
    old, new, loss = (None if value is None else finite(value) for value in values)
    return {"before": old, "after": new, "loss": loss}
