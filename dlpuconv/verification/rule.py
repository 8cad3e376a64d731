"""A rule: one predicate, the sentence that a user reads, and its source. Targets hold rules; nothing here is heavy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.errors import faults_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dlpuconv.formats.view import FileView
    from dlpuconv.ir import Port
    from dlpuconv.scheme import Granularity
    from dlpuconv.verification.advice import Settings
    from dlpuconv.verification.metric import MetricScore
    from dlpuconv.verification.misfit import Misfit
    from dlpuconv.verification.output_parity import ParityReport

DEFAULT_MIN_SQNR_DB = 10.0
"""What every output must reach where the user does not say."""


class Severity(StrEnum):
    """What a finding does to the verdict."""

    FAIL = "fail"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place where a rule is broken.

    Attributes:
        detail: completes the rule's sentence with what was found.
        layer: name of the layer or tensor, empty for the whole file.
        severity: of this place, where it is not the rule's own.
        index: of the layer, in execution order; None where the place is a tensor or the whole file.
    """

    detail: str
    layer: str = ""
    severity: Severity | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a rule may know beside the file: what was wanted, what was said of it, what was measured.

    Attributes:
        weights: granularity that the target's scheme prefers.
        discouraged: granularities that the chip pays dearly for.
        quantized: False where the chip takes float files.
        asked: granularities that the user asked for by name (option, override or the manifest beside the file).
        file: the file's name.
        firmware: AXIS OS that the file shall run on, such as (11, 11, 73); None where the user did not say.
        inputs: what its backend or its manifest says of the file's inputs; None where nobody said anything.
        outputs: likewise.
        parity: the comparison with the float source; None where there was none.
        min_sqnr: dB that every output must reach.
        by_kind: outputs of a known kind are judged by its measure instead.
        metric: what the user's own metric said of the file.
        target: the chip, as messages name whose rules these are.
        misfits: inputs that the network is fed in another way than it was trained on.
        measured: False for a draft, whose activations have no scales yet.
        settings: the options that the file was converted with; None where they are not known.
    """

    weights: Granularity
    discouraged: frozenset[Granularity] = frozenset()
    quantized: bool = True
    asked: frozenset[Granularity] = frozenset()
    file: str = ""
    firmware: tuple[int, ...] | None = None
    inputs: tuple[Port, ...] | None = None
    outputs: tuple[Port, ...] | None = None
    parity: ParityReport | None = None
    min_sqnr: float = DEFAULT_MIN_SQNR_DB
    by_kind: bool = False
    metric: MetricScore | None = None
    misfits: tuple[Misfit, ...] = ()
    measured: bool = True
    settings: Settings | None = None
    target: str = "the target"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing that must hold of a file.

    Attributes:
        id: stable, such as `TFL-FLOAT` or `A8-PARTITIONS`.
        severity: of its places, unless one says otherwise.
        sentence: what must hold, as the user reads it.
        source: where that is known from.
        check: yields the places where it does not hold; called through `places` only.
        fix: what to do about it; a function where that depends on what was done already. Options are named as they are
            typed on the command line; Python's callers get their keywords (`dlpuconv.display.wording`).
        listed: operators that the sentence speaks of, for the documentation.
        decisive: where it is broken, the rules after it are not asked: they would say the same many times over.
    """

    id: str
    severity: Severity
    sentence: str
    source: str
    check: Callable[[FileView, Context], Iterable[Hit]]
    fix: str | Callable[[Context], str] = ""
    listed: frozenset[str] = frozenset()
    decisive: bool = False

    def advise(self, context: Context) -> str:
        """What to do about it, of a file of which this is known.

        Raises:
            PluginError: its code failed, or gave no text.
        """
        if isinstance(self.fix, str):
            return self.fix
        with faults_of(f"the advice of the rule {self.id} of {context.target}"):
            told = self.fix(context)
            if not isinstance(told, str):
                raise TypeError(f"it gave a {type(told).__name__}, not a text")
        return told

    def places(self, view: FileView, context: Context) -> tuple[Hit, ...]:
        """Where the rule does not hold.

        Raises:
            PluginError: its code failed, or gave something else than places in the file.
        """
        with faults_of(f"the rule {self.id} of {context.target}"):
            hits = tuple(self.check(view, context))
            for hit in hits:
                _demand_place(hit, view)
        return hits


def _demand_place(hit: object, view: FileView) -> None:
    if not isinstance(hit, Hit):
        raise TypeError(f"it yielded a {type(hit).__name__}, not a Hit")
    texts: tuple[object, ...] = (hit.detail, hit.layer)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(f"the detail and the layer of a Hit are texts, not {hit.detail!r} and {hit.layer!r}")
    if not isinstance(hit.severity, Severity | None):
        raise TypeError(f"the severity of a Hit is a Severity or None, not {hit.severity!r}")
    if hit.index is not None and hit.index not in range(len(view.layers)):
        raise IndexError(f"it names layer {hit.index!r} of a file of {len(view.layers)} layers")


class Status(StrEnum):
    """What came of a rule."""

    BROKEN = "broken"
    FAILED_TO_JUDGE = "failed-to-judge"
    """Its own code failed: nobody knows whether it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A rule that was broken, with every place; or one that could not be judged, and why.

    Attributes:
        rule: its id.
        severity: of these places.
        sentence: what must hold.
        hits: where it does not.
        fix: what to do about it.
        source: where the rule is known from.
        status: whether it could be judged.
        cause: what was measured of the reason, as a clause; empty where nothing was.
    """

    rule: str
    severity: Severity
    sentence: str
    hits: tuple[Hit, ...]
    fix: str = ""
    source: str = ""
    status: Status = Status.BROKEN
    cause: str = ""
