"""How far a float network is from itself when it is computed in another order: no file made from it can be closer.

Sums of float32 numbers depend on their order. Most networks keep 110 dB and more of that; one that answers with small
numbers, such as a detector's scores where there is nothing to detect, may keep 95, or 20.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from dlpuconv.decibel import Powers
from dlpuconv.verification.output_parity import ROUNDING_MARGIN_DB

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.calibration import Sample
    from dlpuconv.formats import Runner
    from dlpuconv.verification.output_parity import ParityReport


class Load(Protocol):
    """Makes something that runs the float network."""

    def __call__(self, *, optimize: bool) -> Runner:
        """Computes the graph in the order that is fastest, or as it is written."""
        ...


def mind_rounding(
    parity: ParityReport, least: float, load: Load, feeds: Iterable[Sample], margin: float = ROUNDING_MARGIN_DB
) -> ParityReport:
    """Note beside every output below a bar what rounding alone makes of the source.

    Args:
        parity: of a float file.
        least: the bar, dB.
        load: runs the float model that the file was compared with.
        feeds: the samples that it was compared on, in the source's domain.
        margin: dB that the file may lose to rounding beyond what the source does.

    Raises:
        ArtifactError: the source cannot run.
    """
    below = {output.name for output in parity.outputs if output.sqnr_db is not None and output.sqnr_db < least}
    if not below:
        return parity
    kept = _kept_by_rounding(load, feeds, below)
    outputs = (replace(output, rounding_db=kept.get(output.name), margin_db=margin) for output in parity.outputs)
    return replace(parity, outputs=tuple(outputs))


def _kept_by_rounding(load: Load, feeds: Iterable[Sample], names: set[str]) -> dict[str, float]:
    """Signal-to-noise ratio, dB, of outputs as the graph is written beside those of the optimized graph."""
    optimized, plain = load(optimize=True), load(optimize=False)
    powers = {name: Powers() for name in names}
    for feed in feeds:
        expected, got = optimized.run(feed), plain.run(feed)
        for name in names:
            powers[name].add(expected[name], got[name])
    return {name: ratio for name in names if (ratio := powers[name].decibels) is not None}
