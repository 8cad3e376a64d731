"""Targets that got no result, while others did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlpuconv.language.brief import listed

if TYPE_CHECKING:
    from dlpuconv.errors import DlpuconvError
    from dlpuconv.jsonable import Json


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


def all_in_one(failures: tuple[Failure, ...]) -> DlpuconvError:
    """The one error of all targets, or the first with what the others say."""
    first = failures[0].error
    if len({str(failure.error) for failure in failures}) > 1:
        texts = [f"{failure.target}: {failure.error}" for failure in failures]
        whole = [f"{failure.target}: {problem}" for failure in failures for problem in failure.error.problems]
        first.tell(listed(texts, separator="; "), whole)
    return first
