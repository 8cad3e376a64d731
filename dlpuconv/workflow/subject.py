"""The network that a run works on: the user's or, where that was divided, the chip's part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.division.files import content_of
from dlpuconv.input_fit import find_misfits
from dlpuconv.passes import normalize
from dlpuconv.verification.remembered import Answers
from dlpuconv.workflow.endings import KEPT

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.division.division import Division
    from dlpuconv.ir import Model
    from dlpuconv.passes import NormalFormReport
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.workflow.endings import Endings
    from dlpuconv.workflow.request import Request
    from dlpuconv.workflow.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network, with what is known of it before any chip is looked at.

    Attributes:
        source: as it was read; the chip's part where it was divided.
        normal: in normal form.
        rewritten: how it came to that.
        calibration: samples, or None. They hold every input of the user's network and, where operators run in front of
            the chip, what those make of them.
        misfits: inputs that these samples, normalized as stated, feed in another way than the network was trained on.
        division: how it was divided; None where the chip gets all of it.
        endings: final activations that integer files leave out.
        answers: of the source and of files made from it.
    """

    source: Model
    normal: Model
    rewritten: NormalFormReport
    calibration: Calibration | None
    misfits: tuple[Misfit, ...]
    division: Division | None = None
    endings: Endings = KEPT
    answers: Answers = field(default_factory=Answers, repr=False, compare=False)


def subject_of(
    source: Model, division: Division | None, samples: Calibration | None, request: Request, clock: Stopwatch
) -> Subject:
    """A network in normal form, with its samples.

    Args:
        source: as it was read, or the chip's part.
        division: that gave the part.
        samples: of the user's network.
        request: what is wanted.
        clock: counts the stages' time.
    """
    with clock("normal form"):
        normal, rewritten = normalize(source)
    calibration = samples
    if samples is not None and division is not None and division.front is not None:
        from dlpuconv.calibration.computed import behind_front

        calibration = behind_front(samples, content_of(division.front))
    with clock("what the network is fed"):
        given = calibration and (calibration.fit if len(calibration.fit) else calibration.held_out)
        misfits = find_misfits(source, normal, given, request.preprocessing) if given else ()
    return Subject(
        source=source,
        normal=normal,
        rewritten=rewritten,
        calibration=calibration,
        misfits=tuple(misfit for misfit in misfits if division is None or misfit.input not in division.computed),
        division=division,
        answers=Answers(request.cache),
    )
