"""Scores artifacts against their float source on a few samples that calibration did not see."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

from dlpuconv.formats.ort_runner import OrtRunner
from dlpuconv.quantization.search import Score
from dlpuconv.verification.decibel import HIGHEST_DB, LOWEST_DB
from dlpuconv.verification.parity import Links, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from dlpuconv.calibration import Sample, Samples
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Model
    from dlpuconv.plugin import Artifact
    from dlpuconv.verification.output_parity import OutputParity

_FEWEST, _MOST = 4, 24
_WORK = 6e9
"""Multiplications of all judging samples together: two to four seconds on the plain integer kernels."""
_MEMORY = 64 << 20
"""Bytes of the judging samples and the source model's answers, which are kept."""


class SampleJudge:
    """Compares artifacts with the source model on samples that are kept in memory."""

    def __init__(
        self,
        source: Model,
        samples: Samples,
        runner: Callable[[Path], Runner],
        folder: Path,
        metric: Callable[[Runner, Links], float] | None = None,
    ) -> None:
        """Prepare to judge.

        Args:
            source: the float model.
            samples: in its domain.
            runner: runs an artifact.
            folder: private, for the artifacts' files.
            metric: scores an artifact on the user's own data.
        """
        self._metric = metric
        self._source, self._samples = source, samples
        self._runner, self._folder = runner, folder
        self._pairs: list[tuple[Sample, dict[str, npt.NDArray[np.generic]]]] = []
        self._known: dict[str, Score] = {}

    def __call__(self, artifact: Artifact) -> Score:
        """See `search.Judge`."""
        content = artifact.files[""]
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._known:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = self._folder / f"{digest[:16]}.tflite"
            file.write_bytes(content)
            try:
                self._known[digest] = self._judge(artifact, file)
            finally:
                file.unlink()
        return self._known[digest]

    def _judge(self, artifact: Artifact, file: Path) -> Score:
        if not self._pairs:
            self._answer(file)
        links = Links(inputs=artifact.inputs, outputs=artifact.outputs, bindings=artifact.bindings)
        answers = _Answers(self._pairs)
        runner = self._runner(file)
        report = compare(answers, runner, links, [sample for sample, _ in self._pairs])
        ratios = [_decibels(output) for output in report.outputs]
        cosines = [1.0 if output.cosine is None else output.cosine for output in report.outputs]
        metric = None if self._metric is None else self._metric(runner, links)
        return Score(value=sum(ratios) / len(ratios), worst_db=min(ratios), cosine=min(cosines), metric=metric)

    def _answer(self, file: Path) -> None:
        """Let the source model answer as many evenly spread samples as time and memory allow."""
        reference = OrtRunner(self._source.to_bytes(), self._source.source.name)
        wanted = min(len(self._samples), max(_FEWEST, min(_MOST, int(_WORK / max(_multiplications(file), 1)))))
        picked = {index * len(self._samples) // wanted for index in range(wanted)}
        size = 0
        for index, sample in enumerate(self._samples):
            if index not in picked:
                continue
            answer = reference.run(sample)
            self._pairs.append((sample, answer))
            size += sum(array.nbytes for array in (*sample.values(), *answer.values()))
            if size > _MEMORY:
                return


class _Answers:
    """The source model's answers, in the order in which its samples are asked for."""

    def __init__(self, pairs: list[tuple[Sample, dict[str, npt.NDArray[np.generic]]]]) -> None:
        self._answers = iter([answer for _, answer in pairs])

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:  # noqa: ARG002
        """See `formats.Runner`."""
        return next(self._answers)


def _multiplications(file: Path) -> int:
    from dlpuconv.formats.detect import read
    from dlpuconv.placement.macs import macs

    view = read(file)
    return sum(macs(view, layer) for layer in view.layers)


def _decibels(output: OutputParity) -> float:
    """How close an output comes: on the typical sample, since a ratio over all is decided by the few worst of them."""
    if output.dead or output.fault:
        return LOWEST_DB
    if output.equal is not None:  # labels: the share of wrong ones stands for noise
        return min(-10 * math.log10(1 - output.equal), HIGHEST_DB) if output.equal < 1 else HIGHEST_DB
    return HIGHEST_DB if output.typical_db is None else output.typical_db
