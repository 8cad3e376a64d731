"""How much a folded normalization costs: the model before and after, on the same samples, in ONNX Runtime."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.calibration.stored import ArraySamples
from dlpuconv.decibel import Powers, share_db
from dlpuconv.formats.ort_runner import OrtRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import numpy.typing as npt

    from dlpuconv.calibration import Preprocessing, Sample, Samples
    from dlpuconv.ir import InputBinding, Model

_SAMPLES = 8


@dataclass(frozen=True, slots=True)
class Bound:
    """A model, and how source values become its inputs."""

    model: Model
    bindings: Mapping[str, InputBinding]


def signal_to_noise(original: Bound, folded: Bound, samples: Samples) -> float:
    """SQNR in dB over the float outputs: `-10 log10(mean over outputs of |error|^2 / |original|^2)`; inf when equal.

    Args:
        original: the reference.
        folded: should compute the same.
        samples: in the source domain; a few of them, evenly spread, are run.
    """
    before, after = _runner(original), _runner(folded)
    powers: dict[str, Powers] = {}
    for sample in _some(samples):
        wanted, found = before(sample), after(sample)
        for name, reference in wanted.items():
            if np.issubdtype(reference.dtype, np.floating):
                powers.setdefault(name, Powers()).add(reference, found[name])
    shares = [power.noise / power.signal for power in powers.values() if power.signal > 0]
    return share_db(sum(shares) / len(shares) if shares else 0.0)


def stand_in_samples(original: Model, preprocessing: Preprocessing) -> Samples:
    """Made-up pictures, for a model that came without samples."""
    from dlpuconv.calibration.intake import SampleRequest
    from dlpuconv.calibration.made_up import make_up, mosaic
    from dlpuconv.display.progress import Silent

    request = SampleRequest(
        signature=original.signature, preprocessing=preprocessing, progress=Silent(), limit=_SAMPLES
    )
    return make_up(request, mosaic).samples


def _runner(bound: Bound) -> Callable[[Sample], dict[str, npt.NDArray[np.generic]]]:
    runner = OrtRunner(bound.model.split())
    return lambda sample: runner.run({name: binding.apply(sample[name]) for name, binding in bound.bindings.items()})


def _some(samples: Samples) -> Iterator[Sample]:
    step = max(1, len(samples) // _SAMPLES)
    rows = range(0, min(len(samples), step * _SAMPLES), step)
    if isinstance(samples, ArraySamples):  # these need not read what is skipped
        return iter(samples.select(rows))
    return islice(samples, rows.start, rows.stop, rows.step)
