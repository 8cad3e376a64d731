"""One part of a batch: so many machines of a CI share the jobs without talking to one another."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlpuconv.errors import UsageError

_FORM = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shard:
    """Those jobs whose key falls to one of `count` machines; a job stays where it is when others come or go.

    Attributes:
        index: from 1 to `count`.
        count: of machines.
    """

    index: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read `2/4`.

        Raises:
            UsageError: it is no such pair.
        """
        found = _FORM.fullmatch(text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UsageError(
                f"--shard {text!r} is not of the form i/n with i from 1 to n, such as 1/4", id="option-value"
            )
        return cls(int(found[1]), int(found[2]))

    def holds(self, key: str) -> bool:
        """Whether a job is in it, by its content hash."""
        return int(key[:16], 16) % self.count == self.index - 1


WHOLE = Shard()
"""The shard that holds all jobs."""
