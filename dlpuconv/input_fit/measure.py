"""What a few samples make of one value inside a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlpuconv.errors import ArtifactError
from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.frontends.cut import remove_dead
from dlpuconv.ir.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlpuconv.calibration import Sample
    from dlpuconv.ir import Model


class Probe:
    """The part of a network up to one value, ready to run."""

    def __init__(self, model: Model, value: str) -> None:
        """Cut the network.

        Raises:
            ArtifactError: ONNX Runtime refuses what is left of it.
        """
        import onnx

        whole = model.split()
        proto = whole.proto
        del proto.graph.output[:]
        proto.graph.output.append(onnx.ValueInfoProto(name=value))
        remove_dead(proto.graph, drop_inputs=True)
        self._value = value
        self._runner = OrtRunner(whole, model.source.name)

    def moments(self, samples: Iterable[Sample]) -> Moments:
        """Mean and deviation of each channel, axis 1, over samples and positions.

        Raises:
            ArtifactError: a kernel fails, or there is nothing to take a mean of.
        """
        count, total, squares = 0, np.zeros(1), np.zeros(1)
        for sample in samples:
            values = np.asarray(self._runner.run(sample)[self._value], np.float64)
            if values.ndim < 2:
                raise ArtifactError(f"{self._value} has no channels", id="artifact-not-measurable")
            along = tuple(axis for axis in range(values.ndim) if axis != 1)
            count += values.size // values.shape[1]
            total = total + values.sum(along)
            squares = squares + np.square(values).sum(along)
        if not count:
            raise ArtifactError(f"there are no samples to measure {self._value} on", id="artifact-not-measurable")
        mean = total / count
        return Moments(mean=mean, deviation=np.sqrt(np.maximum(squares / count - np.square(mean), 0.0)))
