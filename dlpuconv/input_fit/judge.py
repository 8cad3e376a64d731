"""The decision: what is too far off to be right, and which presets are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.input_fit.evidence import evidence_of
from dlpuconv.input_fit.measure import Probe
from dlpuconv.input_fit.pixels import pictures_of
from dlpuconv.verification.misfit import Misfit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.calibration import Preprocessing, Sample, Samples
    from dlpuconv.input_fit.evidence import Evidence, Fit
    from dlpuconv.input_fit.pixels import Pictures
    from dlpuconv.ir import Model

_MOST_SHIFT = 2.5
"""Standard deviations that the means of a fitting normalization may lie off: pictures are brighter and darker."""
_PHOTOGRAPHS = (30.0, 100.0)
"""Contrast of ordinary pictures: others look like another normalization as far as that is off by a small factor."""
_FLAT = 10.0
"""Contrast below which pictures tell nothing."""


def find_misfits(source: Model, normal: Model, samples: Samples, preprocessing: Preprocessing) -> tuple[Misfit, ...]:
    """What speaks against the values that the network is fed; nothing where it does not tell.

    Args:
        source: as it was read.
        normal: the same in normal form.
        samples: in the source's domain; a few are run through the first layers.
        preprocessing: as the user states it.
    """
    pictures = pictures_of(source.signature.inputs, samples, preprocessing)
    if pictures is None or (pictures.contrast is not None and pictures.contrast < _FLAT):
        return ()
    for evidence in evidence_of(source, normal):
        try:
            found = _judge(evidence, pictures)
        except ArtifactError:  # what cannot be run in part may well run as a whole, and is told of there
            continue
        if found is not None:
            return (found,)
    return ()


def _judge(evidence: Evidence, pictures: Pictures) -> Misfit | None:
    """A misfit by one piece of evidence: far off, or off where a preset fits pictures of ordinary contrast."""
    probe = Probe(evidence.model, evidence.value)
    fit = _fit(evidence, probe, pictures.samples)
    if fit is None or fit.off <= evidence.limits.doubtful:
        return None
    fitting = _fitting_presets(evidence, probe, pictures)
    low, high = _PHOTOGRAPHS
    ordinary = pictures.contrast is not None and low <= pictures.contrast <= high
    if fit.off <= evidence.limits.certain and not (fitting and ordinary):
        return None
    return Misfit(input=pictures.spec.name, found=evidence.found(fit), presets=fitting)


def _fitting_presets(evidence: Evidence, probe: Probe, pictures: Pictures) -> tuple[str, ...]:
    """Presets that would fit, the best first; the best alone if the means tell the presets apart."""
    fits = {name: _fit(evidence, probe, samples) for name, samples in pictures.under_presets().items()}
    good = {
        name: fit.distance
        for name, fit in fits.items()
        if fit is not None and fit.off <= evidence.limits.fits and fit.shift <= _MOST_SHIFT
    }
    ordered = sorted(good, key=lambda name: good[name])
    return tuple(ordered[:1] if evidence.tells_presets_apart else ordered)


def _fit(evidence: Evidence, probe: Probe, samples: Iterable[Sample]) -> Fit | None:
    measured = probe.moments(samples)
    return evidence.compare(measured) if bool(np.isfinite(measured.deviation).all()) else None
