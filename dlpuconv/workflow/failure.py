"""Targets that got no result, while others did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.errors import DlpuconvError
    from dlpuconv.jsonable import Json
    from dlpuconv.plugin import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A target that got no result, while others did.

    Attributes:
        target: name of the chip.
        error: why not.
    """

    target: str
    error: DlpuconvError

    def to_json(self) -> dict[str, Json]:
        """For `--json`."""
        return {"target": self.target, **self.error.to_json()}


class _OfTarget(Protocol):
    @property
    def target(self) -> str: ...


def made_and_failed[T: _OfTarget](
    results: Iterable[T | Failure], targets: Iterable[Target]
) -> tuple[tuple[T, ...], tuple[Failure, ...]]:
    """The results that there are, and the failures of the other targets, both in the order of the targets.

    Args:
        results: one for each target, backend by backend.
        targets: as they were asked for.

    Raises:
        DlpuconvError: no target has a result.
    """
    order = {target.name: position for position, target in enumerate(targets)}
    done = sorted(results, key=lambda result: order[result.target])
    made = tuple(result for result in done if not isinstance(result, Failure))
    failures = tuple(result for result in done if isinstance(result, Failure))
    if not made:
        raise all_in_one(failures)
    return made, failures


def all_in_one(failures: tuple[Failure, ...]) -> DlpuconvError:
    """The one error of all targets, or the first with what the others say."""
    first = failures[0].error
    if len({str(failure.error) for failure in failures}) > 1:
        texts = [f"{failure.target}: {failure.error}" for failure in failures]
        whole = [f"{failure.target}: {problem}" for failure in failures for problem in failure.error.problems]
        first.tell(listed(texts, separator="; "), whole)
    return first
