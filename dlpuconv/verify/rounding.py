"""How far a float network is from itself when it is computed in another order: no file made from it can be closer.

Sums of float32 numbers depend on their order. Most networks keep 110 dB and more of that; one that answers with small
numbers, such as a detector's scores where there is nothing to detect, may keep 95, or 20.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.verify.report import ratio_db

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dlpuconv.calibration import Sample
    from dlpuconv.verify.report import ParityReport


def mind_rounding(parity: ParityReport, least: float, source: bytes | Path, feeds: Iterable[Sample]) -> ParityReport:
    """Note beside every output below a bar what rounding alone makes of the source.

    Args:
        parity: of a float file.
        least: the bar, dB.
        source: the float model that the file was compared with.
        feeds: the samples that it was compared on, in the source's domain.

    Raises:
        ArtifactError: the source cannot run.
    """
    below = {output.name for output in parity.outputs if output.sqnr_db is not None and output.sqnr_db < least}
    if not below:
        return parity
    kept = _kept_by_rounding(source, feeds, below)
    outputs = (replace(output, rounding_db=kept.get(output.name)) for output in parity.outputs)
    return replace(parity, outputs=tuple(outputs))


def _kept_by_rounding(source: bytes | Path, feeds: Iterable[Sample], names: set[str]) -> dict[str, float]:
    """Signal-to-noise ratio, dB, of outputs as the graph is written beside those of the optimized graph."""
    optimized, plain = OrtRunner(source), OrtRunner(source, optimize=False)
    signal, noise = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
    for feed in feeds:
        expected, got = optimized.run(feed), plain.run(feed)
        for name in names:
            real = np.asarray(expected[name], np.float64)
            signal[name] += float(np.sum(real**2))
            noise[name] += float(np.sum((real - np.asarray(got[name], np.float64)) ** 2))
    ratios = {name: ratio_db(signal[name], noise[name]) for name in names}
    return {name: ratio for name, ratio in ratios.items() if ratio is not None}
