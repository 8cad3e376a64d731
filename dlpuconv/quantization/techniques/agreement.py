"""Whether two float networks compute the same."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.decibel import MOST_DB, Powers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.network import Feed, Network

_COMPARED = 6


def agreement_db(one: Network, other: Network, feeds: Iterable[Feed]) -> float:
    """Smallest signal-to-noise ratio, in dB, of any output of two float networks over a few samples."""
    few = list(islice(feeds, _COMPARED))
    pairs = zip(*([[np.array(v) for v in found] for found in n.run(few, n.outputs)] for n in (one, other)), strict=True)
    powers = [Powers() for _ in one.outputs]
    for first, second in pairs:
        for sums, a, b in zip(powers, first, second, strict=True):
            sums.add(a, b)
    # None is an output that is silent in one and not in the other; NaN gives the lowest ratio.
    ratios = (sums.decibels for sums in powers if sums.noise)
    return min((-MOST_DB if ratio is None else ratio for ratio in ratios), default=MOST_DB)
