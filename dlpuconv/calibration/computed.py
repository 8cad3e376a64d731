"""Samples of a network's inputs, with what the operators make of them that the CPU runs in front of the chip."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from dlpuconv.formats.ort_runner import OrtRunner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.calibration.samples import Calibration, Sample, Samples


class ComputedSamples:
    """Other samples, to each of which a model adds its outputs by name. They are computed anew in each pass.

    They are no `PixelSamples`: what a model computes is no picture of a camera.
    """

    def __init__(self, samples: Samples, front: bytes) -> None:
        """Nothing is computed yet.

        Args:
            samples: give the model's inputs.
            front: the serialized model.
        """
        self._samples, self._front = samples, front

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        """Every sample, in the same order each time.

        Raises:
            ArtifactError: ONNX Runtime cannot run the model.
        """
        runner = OrtRunner(self._front, "the front")
        return (cast("Sample", {**sample, **runner.run(sample)}) for sample in self._samples)

    @property
    def digest(self) -> str:
        """Hex digest of the samples and the model."""
        return hashlib.sha256(self._samples.digest.encode() + self._front).hexdigest()


def behind_front(calibration: Calibration, front: bytes) -> Calibration:
    """The samples, with the values that the front part of the network computes from each."""
    return replace(
        calibration,
        fit=ComputedSamples(calibration.fit, front),
        held_out=ComputedSamples(calibration.held_out, front),
        given=calibration.given and ComputedSamples(calibration.given, front),
    )
