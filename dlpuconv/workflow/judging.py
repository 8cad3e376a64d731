"""Scores artifacts against their float source on a few samples that calibration did not see."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dlpuconv.decibel import HIGHEST_DB, LOWEST_DB, SampleRatios
from dlpuconv.files.content import lend_contents, sha256_of
from dlpuconv.formats.files import is_folder
from dlpuconv.quantization.score import Score
from dlpuconv.verification.linking import network_of
from dlpuconv.verification.parity import compare
from dlpuconv.verification.remembered import Answers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from dlpuconv.calibration import Sample, Samples
    from dlpuconv.division.division import Division
    from dlpuconv.formats import FileView, Runner
    from dlpuconv.ir import Model
    from dlpuconv.plugin import Artifact
    from dlpuconv.verification.output_parity import OutputParity, ParityReport
    from dlpuconv.verification.wholes import Wholes

_FEWEST, _MOST = 4, 24
_LOOKED_AT = 4
"""So many times as many samples the source model answers, to find those that say most."""
_WORK = 6e9
"""Multiplications of all judging samples together: two to four seconds on the plain integer kernels."""
_MEMORY = 64 << 20
"""Bytes of the judging samples and the source model's answers, which are kept."""


class Passes(Protocol):
    """Whether verification would let an artifact pass."""

    def __call__(self, file: Path, artifact: Artifact, parity: ParityReport, metric: float | None, /) -> bool:
        """The verdict.

        Args:
            file: the artifact's.
            artifact: as its backend made it.
            parity: its comparison with the source.
            metric: what the user's own metric says; None where there is none.
        """
        ...


class Reader(Protocol):
    """What a backend knows of its format."""

    def read(self, path: Path, /) -> FileView:
        """An artifact's layers."""
        ...

    def runner(self, path: Path, /) -> Runner:
        """Something that runs it."""
        ...


class SampleJudge:
    """Compares artifacts with the source model on samples that are kept in memory."""

    def __init__(  # noqa: PLR0913 - what is compared, and how it is judged
        self,
        source: Model,
        samples: Samples,
        backend: Reader,
        place: Path,
        *,
        passes: Passes = lambda *_: True,
        calibrated: bool = True,
        division: Division | None = None,
        metric: Callable[[Runner], float] | None = None,
        wholes: Callable[[], Wholes | None] = lambda: None,
        answers: Answers | None = None,
    ) -> None:
        """Prepare to judge.

        Args:
            source: the float model, or the chip's part of a divided one.
            samples: in its domain.
            backend: reads and runs an artifact.
            place: where one is put while it is judged: a file, or a folder for those of several files.
            passes: the verdict on an artifact.
            calibrated: False where artifacts get their ranges from synthetic samples.
            division: how the user's network is divided; None where the chip runs all of it.
            metric: scores the network with an artifact on the user's own data.
            wholes: what looks at whole outputs in one comparison, made anew for each.
            answers: of the source model and of artifacts, which others may ask for as well.
        """
        self._metric, self._passes, self._calibrated = metric, passes, calibrated
        self._source, self._samples, self._division = source, samples, division
        self._backend, self._place = backend, place
        self._pairs: list[tuple[Sample, dict[str, npt.NDArray[np.generic]]]] = []
        self._wholes, self._answers = wholes, answers or Answers()
        self._known: dict[frozenset[tuple[str, str]], tuple[Score, ParityReport]] = {}

    def __call__(self, artifact: Artifact) -> Score:
        """See `search.Judge`."""
        return self._judged(artifact)[0]

    def parity(self, artifact: Artifact) -> ParityReport:
        """The comparison that its score comes from."""
        return self._judged(artifact)[1]

    def _judged(self, artifact: Artifact) -> tuple[Score, ParityReport]:
        files = frozenset((name, sha256_of(content)) for name, content in artifact.contents.items())
        if files not in self._known:
            with self._written(artifact) as file:
                self._known[files] = self._judge(artifact, file)
        return self._known[files]

    @property
    def saw_all(self) -> bool:
        """Whether there are no other samples than those that artifacts were judged on."""
        return len(self._pairs) == len(self._samples)

    def confirms(self, artifact: Artifact) -> bool:
        """Whether what passes on the judging samples does so on all samples, as verification will ask."""
        score = self(artifact)
        if not score.passes or self.saw_all:
            return score.passes
        with self._written(artifact) as file:
            parity = self._compare(self._answers.of_source(self._source), artifact, file, self._samples)
            return self._passes(file, artifact, parity, score.metric)

    @contextmanager
    def _written(self, artifact: Artifact) -> Iterator[Path]:
        lend_contents(artifact.contents, self._place)
        try:
            yield self._place
        finally:
            if is_folder(self._place):
                shutil.rmtree(self._place)
            else:
                self._place.unlink()

    def _judge(self, artifact: Artifact, file: Path) -> tuple[Score, ParityReport]:
        if not self._pairs:
            self._answer(file)
        parity = self._compare(_Answers(self._pairs), artifact, file, [sample for sample, _ in self._pairs])
        metric = (
            None
            if self._metric is None
            else self._metric(network_of(self._backend.runner(file), artifact.links, self._division))
        )
        outputs = tuple(_ratios(output, parity.samples) for output in parity.outputs)
        score = Score(
            typical_db=min(ratios.typical_db or 0.0 for ratios in outputs),
            sqnr_db=parity.min_sqnr,
            cosine=min(1.0 if output.cosine is None else output.cosine for output in parity.outputs),
            passes=self._passes(file, artifact, parity, metric),
            metric=metric,
            outputs=outputs,
        )
        return score, parity

    def _compare(self, reference: Runner, artifact: Artifact, file: Path, samples: Iterable[Sample]) -> ParityReport:
        return compare(
            reference,
            self._answers.of_artifact(artifact, self._backend, file),
            artifact.links,
            samples,
            calibrated=self._calibrated,
            wholes=self._wholes(),
        )

    def _answer(self, file: Path) -> None:
        """Let the source model answer on as many samples as time and memory allow, of those that say most."""
        reference = self._answers.of_source(self._source)
        wanted = min(
            len(self._samples),
            max(_FEWEST, min(_MOST, int(_WORK / max(_multiplications(self._backend.read(file)), 1)))),
        )
        size = 0
        for sample in self._at(self._telling(reference, wanted)):
            answer = reference.run(sample)
            self._pairs.append((sample, answer))
            size += sum(array.nbytes for array in (*sample.values(), *answer.values()))
            if size > _MEMORY:
                return

    def _telling(self, reference: Runner, wanted: int) -> list[int]:
        """Which samples to judge on: each is as likely as it has a share in the signal of the outputs.

        That is what it weighs in `OutputParity.typical_db`: five pictures without a detection would tell nothing of a
        detector. Source: sampling proportional to size, systematically; Madow 1949.
        """
        looked_at = min(len(self._samples), wanted * _LOOKED_AT)
        candidates = [index * len(self._samples) // looked_at for index in range(looked_at)]
        if looked_at == wanted:
            return candidates
        signals = np.array([_signals(reference.run(sample)) for sample in self._at(candidates)])
        totals = signals.sum(axis=0)
        shares = (signals[:, totals > 0] / totals[totals > 0]).sum(axis=1)
        return [candidates[at] for at in spread_by_share(shares, wanted)]

    def _at(self, indices: Sequence[int]) -> Iterator[Sample]:
        wanted = set(indices)
        return (sample for index, sample in enumerate(self._samples) if index in wanted)


def spread_by_share(shares: npt.NDArray[np.float64], count: int) -> list[int]:
    """Positions, evenly spread over the cumulative shares.

    Args:
        shares: [N] from 0 on, of a whole; all count the same where their sum is 0.
        count: how many positions, at most N. A share so large that it would be picked several times leaves room for
            the next largest.

    Returns:
        `count` different positions in rising order.
    """
    known = shares if shares.sum() > 0 else np.ones_like(shares)
    reached = np.cumsum(known) / known.sum()
    found = dict.fromkeys(np.searchsorted(reached, (np.arange(count) + 0.5) / count).tolist())
    largest_first = np.argsort(-known, kind="stable").tolist()
    return sorted([*found, *(at for at in largest_first if at not in found)][:count])


def _signals(answer: Mapping[str, npt.NDArray[np.generic]]) -> list[float]:
    """Sum of squares of each output; what is NaN or infinite is no signal, and one label says as much as another."""
    return [
        1.0
        if values.dtype.kind in "iub"
        else float(np.square(np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)).sum())
        for values in answer.values()
    ]


class _Answers:
    """The source model's answers, in the order in which its samples are asked for."""

    def __init__(self, pairs: list[tuple[Sample, dict[str, npt.NDArray[np.generic]]]]) -> None:
        self._answers = iter([answer for _, answer in pairs])

    def run(self, inputs: Mapping[str, npt.NDArray[np.generic]]) -> dict[str, npt.NDArray[np.generic]]:  # noqa: ARG002
        """See `formats.Runner`."""
        return next(self._answers)


def _multiplications(view: FileView) -> int:
    from dlpuconv.placement.macs import macs

    return sum(macs(view, layer) for layer in view.layers)


def _ratios(output: OutputParity, samples: int) -> SampleRatios:
    """How close an output comes on each sample: a ratio over all of them is decided by the few worst."""
    if output.dead or output.fault:
        return SampleRatios((LOWEST_DB,) * samples, (1.0,) * samples)
    return (
        output.by_sample if any(output.by_sample.weights) else SampleRatios((HIGHEST_DB,) * samples, (1.0,) * samples)
    )
