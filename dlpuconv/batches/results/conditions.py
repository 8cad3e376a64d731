"""`--fail-on`: which losses between two batches end a check, in words that a line of CI can hold.

    conditions = condition {"," condition}
    condition  = "verdict" | "missing" | measure ["=" amount]
    measure    = "drop" | "sqnr" | "size" | "time"
    amount     = number ["%"]

`drop=0.5`: a metric may be lower by 0.5 at most, in its own unit; `size=5%`: a file may be larger by 5 % at most. A
measure without an amount may not get worse at all.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from dlpuconv.batches.results.measures import MEASURES
from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.batches.record import JobRecord
    from dlpuconv.batches.results.measures import Measure

VERDICT, MISSING = "verdict", "missing"
WORDS = (VERDICT, MISSING, *(measure.word for measure in MEASURES))
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*")
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Limit:
    """How much worse a measure may be.

    Attributes:
        measure: which.
        amount: in its unit or, as a share, of 1.
        share: whether it is a share of what was before.
    """

    measure: Measure
    amount: float
    share: bool

    def exceeded(self, before: JobRecord, after: JobRecord) -> bool:
        """Whether the second record is worse than the first by more than the condition allows."""
        loss = self.measure.loss(before, after)
        if loss is None:
            return False
        scale = abs(self.measure.of(before) or 0.0) if self.share else 1.0
        allowed = self.amount * scale
        return loss > allowed + _ROUNDING * max(1.0, allowed) and loss > 0

    @override
    def __str__(self) -> str:
        return f"{self.measure.word}={100 * self.amount:g}%" if self.share else f"{self.measure.word}={self.amount:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """All that ends a check.

    Attributes:
        verdict: a worse verdict does, or no file any more.
        missing: a job that is not there any more does.
        measures: measures that are worse by more than this do.
    """

    verdict: bool = False
    missing: bool = False
    measures: tuple[Limit, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Conditions:
        """Read what `--fail-on` was given, once or several times.

        Raises:
            UsageError: a condition is none.
        """
        words = [part.strip() for text in texts for part in text.split(",") if part.strip()]
        measures = tuple(_limit(word) for word in words if word not in (VERDICT, MISSING))
        return cls(verdict=VERDICT in words, missing=MISSING in words, measures=measures)


def _limit(text: str) -> Limit:
    word, equals, amount = (part.strip() for part in text.partition("="))
    measure = next((each for each in MEASURES if each.word == word), None)
    if measure is None:
        if word in (VERDICT, MISSING):
            raise UsageError(f"--fail-on {text}: {word} takes no amount", id="fail-on-condition")
        raise UsageError(
            f"--fail-on {text}: there is no condition {word!r}{did_you_mean(word, WORDS)}; they are {', '.join(WORDS)}",
            id="fail-on-condition",
        )
    if not equals:
        return Limit(measure, 0.0, share=False)
    found = _AMOUNT.fullmatch(amount)
    value = float(found[1]) if found else math.inf
    if found is None or not math.isfinite(value):
        raise UsageError(
            f"--fail-on {text}: {amount!r} is not a number or a percentage, such as 0.5 or 5%", id="fail-on-condition"
        )
    share = bool(found[2])
    if share and not measure.shares:
        raise UsageError(
            f"--fail-on {text}: {word} is in dB and cannot be a percentage: give a number of dB, such as {word}=1",
            id="fail-on-condition",
        )
    return Limit(measure, value / 100 if share else value, share=share)
