"""What is asked of the verifier, and the bar that an answer has to reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.scheme import Numbers
from dlpuconv.verification.rule import DEFAULT_MIN_SQNR_DB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.calibration import Samples
    from dlpuconv.division.division import Division, Rest
    from dlpuconv.formats import Runner
    from dlpuconv.ir import Links, Model
    from dlpuconv.ir.layer_names import LayerNames
    from dlpuconv.ir.output_kind import OutputKind
    from dlpuconv.plugin import Backend, Target
    from dlpuconv.scheme import Granularity
    from dlpuconv.verification.advice import Settings
    from dlpuconv.verification.comparison import Likeness
    from dlpuconv.verification.metric import MetricScore
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.verification.output_parity import ParityReport

_MOST_ON_MADE_UP = 60.0  # dB


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is known of a file, and how strictly it is judged.

    Attributes:
        asked: granularities that the user asked for by name.
        reference: the float source model, or the chip's part of a divided one; without it, or without samples, there is
            no comparison.
        division: how the source model is divided; None where the chip runs all of it.
        tail: what runs behind the file, where it was read from another one; None for that of the division.
        samples: that calibration did not see, in the source model's domain; None for those that a package ships.
        calibrated: False where calibration or these samples are made up.
        stated: the file has the scales of its quantized source, so that synthetic samples only try it.
        links: how the file corresponds to the source model; None for what the manifest says, or to match them.
        min_sqnr: dB that every output must reach; None for the target's own.
        firmware: AXIS OS that the file shall run on, such as (11, 11, 73); None where it is not known.
        ignore: ids of rules that do not count.
        strict: warnings fail as well.
        warnings: what is to be repeated in the report.
        backend: reads and runs the file, where it is of a format of its own.
        metric: what the user's own metric said of the file.
        misfits: inputs that the network is fed in another way than it was trained on.
        layers: compare layer by layer too.
        names: of the file's layers, in its order; None for what the manifest says.
        settings: the options that the file was converted with; None for what the manifest says.
        answers: runners of the source model and of the file that know some answers; None to compute all.
        kinds: of the source model's outputs, as the user states them by name; the graph tells the others.
        likeness: in what the file's activations may differ from the source's values; None for what the manifest says.
        moved: activations whose channels have another order than the source's; None for what the manifest says.
    """

    asked: frozenset[Granularity] = frozenset()
    reference: Model | None = field(default=None, repr=False)
    division: Division | None = field(default=None, repr=False)
    tail: Rest | None = field(default=None, repr=False)
    samples: Samples | None = field(default=None, repr=False)
    calibrated: bool = True
    stated: bool = False
    links: Links | None = None
    min_sqnr: float | None = None
    firmware: tuple[int, ...] | None = None
    ignore: frozenset[str] = frozenset()
    strict: bool = False
    warnings: tuple[str, ...] = ()
    backend: Backend | None = None
    metric: MetricScore | None = None
    misfits: tuple[Misfit, ...] = ()
    layers: bool = False
    names: tuple[LayerNames, ...] | None = field(default=None, repr=False)
    settings: Settings | None = None
    likeness: Likeness | None = None
    moved: frozenset[str] | None = None
    answers: tuple[Runner, Runner] | None = field(default=None, repr=False)
    kinds: Mapping[str, OutputKind] = field(default_factory=dict)


def forgives_rounding(target: Target, question: Question) -> bool:
    """Whether rounding may explain a low ratio: of a float file, which has no other excuse, where nobody set a bar."""
    return target.scheme.numbers is Numbers.FLOAT32 and question.min_sqnr is None


def least_db(target: Target, asked: float | None, parity: ParityReport | None) -> float:
    """Decibels that every output must reach: what the user asks for, else what the chip's files can be held to.

    Made-up pictures may drive a network where nobody trained it; what saturates there magnifies even the rounding of
    float numbers.
    """
    if asked is not None:
        return asked
    if parity is not None and not parity.calibrated:
        return min(target.min_sqnr, _MOST_ON_MADE_UP)
    return target.min_sqnr


def judges_by_kind(target: Target, asked: float | None, parity: ParityReport | None) -> bool:
    """Whether an output of a known kind is judged by that kind's measure instead of decibels.

    Only where the numbers are quantized, on real samples, and where neither the user nor the target asks for decibels.
    """
    own = target.min_sqnr != DEFAULT_MIN_SQNR_DB
    quantized = target.scheme.numbers is not Numbers.FLOAT32
    return asked is None and not own and quantized and parity is not None and parity.calibrated
