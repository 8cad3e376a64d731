"""Which final activations a file leaves to whoever reads its outputs: where that keeps a ranking that codes lose.

Measured on the float network, so that the answer does not depend on a recipe, and on its logits rounded as a file's
would be: what an int8 file gives is their activation rounded once more, to steps of 1/256.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np

from dlpuconv.errors import UsageError
from dlpuconv.ir.activation import LOGIT
from dlpuconv.ir.affine import INT8
from dlpuconv.ir.output_kind import OutputKind
from dlpuconv.language.brief import listed
from dlpuconv.scheme import Numbers
from dlpuconv.workflow.request import FinalActivations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from dlpuconv.calibration import Calibration
    from dlpuconv.display.progress import Progress
    from dlpuconv.ir import FinalActivation, Model, Port
    from dlpuconv.plugin import Target
    from dlpuconv.verification.ranking import RankingLoss
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.subject import Subject

_MOST: Final = 24
"""Samples that the float network answers, held-out ones first."""
_MEMORY: Final = 16 << 20
"""Bytes of their logits: a comparison takes twenty times as much."""
_STEPS: Final = 255
_SCORE_STEPS: Final = 256
_NOTHING: Final = 0.001
"""Average precision that logits may lose, which are coarser than probabilities around 0.5."""
_TINY: Final = 1e-9
_HALF: Final = 0.5
_LEAST: Final = 0.01
"""Share of the pairs: an output that loses fewer keeps its form."""


@dataclass(frozen=True, slots=True)
class Endings:
    """What becomes of final activations.

    Attributes:
        cut: by name of the source model's output: those that the file leaves out.
        told: why, for the user.
    """

    cut: Mapping[str, FinalActivation] = field(default_factory=dict)
    told: tuple[str, ...] = ()

    def told_by(self, port: Port) -> Port:
        """An output of a file with the activation that is left out of it."""
        name = port.part.output if port.part else port.name
        left_out = (ending for ending in self.cut.values() if ending.logits == name)
        return replace(port, activation=next(left_out, None))

    def of(self, targets: Iterable[Target]) -> Endings:
        """Those of one backend's targets: real numbers, and 16 bits, have room for probabilities."""
        return self if all(map(_has_bytes, targets)) else KEPT


KEPT: Final = Endings()


def choose_endings(subject: Subject, request: Request, targets: Sequence[Target], progress: Progress) -> Endings:
    """The final activations that integer files leave out.

    Args:
        subject: the network, and its samples.
        request: what is wanted.
        targets: the chips.
        progress: where long work reports.

    Raises:
        UsageError: they shall be left out, and there is none.
    """
    wanted = request.final_activation
    if wanted is FinalActivations.KEEP or not any(map(_has_bytes, targets)):
        return KEPT
    if wanted is FinalActivations.CUT:
        found = removable(subject)
        if not found:
            names = listed(repr(value.name) for value in subject.source.signature.outputs)
            raise UsageError(
                "--final-activation cut: no output ends in a Sigmoid or a Softmax that the application could compute"
                " instead (one that a tail reads, or whose logits the file gives anyway, stays); the file's outputs are"
                f" {names}",
                id="final-activation-none",
            )
        return _told({name: (ending, "--final-activation cut asks for it") for name, ending in found.items()})
    calibration = subject.calibration
    if calibration is None or not calibration.judges or not (found := ranked(subject, request)):
        return KEPT
    with progress.stage("looking at how outputs rank"):
        losses = _losses(subject.normal, found, calibration)
    reasons = {name: (found[name], _reason(*each)) for name, each in losses.items() if _is_worth_it(*each)}
    return _told(reasons)


def removable(subject: Subject) -> dict[str, FinalActivation]:
    """By name, the outputs that end in an activation, and are read by nobody but the user."""
    from dlpuconv.passes.final_activations import final_activations

    tail = subject.division.tail if subject.division else None
    read = tail.reads if tail else ()
    return {name: ending for name, ending in final_activations(subject.normal).items() if name not in read}


def ranked(subject: Subject, request: Request) -> dict[str, FinalActivation]:
    """Final activations of outputs whose scores are compared with a threshold, or ranked."""
    from dlpuconv.verification.kinds.evidence import kinds_of

    kinds = kinds_of(subject.source.graph.graph, request.verification.kinds)
    scores = {name for name, regions in kinds.items() if [region.kind for region in regions] == [OutputKind.SCORES]}
    return {name: ending for name, ending in removable(subject).items() if name in scores}


def _has_bytes(target: Target) -> bool:
    scheme = target.scheme
    return scheme.numbers is Numbers.INT8 and scheme.activation_codes.type.bits <= INT8.bits


def _told(reasons: Mapping[str, tuple[FinalActivation, str]]) -> Endings:
    told = (
        f"the output {name!r} became {ending.logits!r}: it holds logits instead of probabilities, since {why}. The"
        f" application has to compute the {ending.kind} (manifest and C header say how, and `dlpuconv.load` does it)"
        for name, (ending, why) in reasons.items()
    )
    return Endings({name: ending for name, (ending, _) in reasons.items()}, tuple(told))


def _reason(kept: RankingLoss, cut: RankingLoss) -> str:
    share = f"{kept.pairs:.1%} of the pairs of its highest scores"
    return f"int8 probabilities swap or tie {share}, and logits {cut.pairs:.1%}"


def _is_worth_it(kept: RankingLoss, cut: RankingLoss) -> bool:
    return kept.pairs >= _LEAST and cut.pairs <= _HALF * kept.pairs and cut.precision <= kept.precision + _NOTHING


def _losses(
    model: Model, endings: Mapping[str, FinalActivation], calibration: Calibration
) -> dict[str, tuple[RankingLoss, RankingLoss]]:
    """By output: what a file loses that keeps its activation, and one that leaves it out."""
    from dlpuconv.formats.ort_runner import OrtRunner
    from dlpuconv.passes.final_activations import without_final_activations

    bare = without_final_activations(model, endings)
    given, made = ([value.name for value in each.signature.outputs] for each in (bare, model))
    outputs = dict(zip(given, made, strict=True))
    runner = OrtRunner(bare.split(), model.source.name)
    logits: dict[str, list[npt.NDArray[np.generic]]] = {name: [] for name in endings}
    size = 0
    for _, sample in zip(range(_MOST), chain(calibration.held_out, calibration.fit), strict=False):
        for name, values in runner.run(sample).items():
            if (output := outputs[name]) in logits:
                logits[output].append(values)
                size += values.nbytes
        if size > _MEMORY:
            break
    return {name: _lost(np.stack(values).astype(np.float64), endings[name]) for name, values in logits.items()}


def _rounded(values: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    """To the codes of a scale that holds an interval, and zero."""
    step = max(max(high, 0.0) - min(low, 0.0), _TINY) / _STEPS
    return np.clip(np.round(values / step) * step, min(low, 0.0), max(high, 0.0))


def _lost(logits: npt.NDArray[np.float64], ending: FinalActivation) -> tuple[RankingLoss, RankingLoss]:
    """See `_losses`.

    Args:
        logits: [N, ...] of N samples.
        ending: its activation.
    """
    from dlpuconv.verification.ranking import RankingLoss, competing

    low, high = float(logits.min()), float(logits.max())
    inside = (low, high) if ending.axis is not None else (max(low, -LOGIT), min(high, LOGIT))
    exact, cut, fine = (
        np.stack([ending.of(one) for one in each])
        for each in (logits, _rounded(logits, *ending.held(low, high)), _rounded(logits, *inside))
    )
    kept = np.minimum(np.round(fine * _SCORE_STEPS), _SCORE_STEPS - 1) / _SCORE_STEPS
    found = competing(exact, None if ending.axis is None else ending.axis + 1)
    return RankingLoss.of(exact[found], kept[found]), RankingLoss.of(exact[found], cut[found])
