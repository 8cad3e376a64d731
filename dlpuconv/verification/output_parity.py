"""An artifact's outputs beside its float source's, as figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlpuconv.decibel import MOST_DB, SampleRatios
from dlpuconv.jsonable import finite

if TYPE_CHECKING:
    from dlpuconv.ir import Port
    from dlpuconv.jsonable import Json
    from dlpuconv.verification.kinds.glance import Glance
    from dlpuconv.verification.kinds.parity import KindParity

ROUNDING_MARGIN_DB = 20.0
"""A float file folds and moves constants besides: it may round ten times as much as its source does."""


def compared_name(port: Port) -> str:
    """What a comparison calls an output of a file: the source model's name, where these are no logits any more."""
    return port.source_name if port.activation and not port.part else port.name


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputParity:
    """One output beside the float source model's, over all samples.

    Attributes:
        name: of the output; see `compared_name`.
        source: name of the source model's output that it is, or is a part of; empty: the same.
        sqnr_db: 10 log10(sum r^2 / sum (r - a)^2) over all elements of all samples, r the reference and a the
            artifact's dequantized values; None where a equals r, r is zero throughout, or the values are labels;
            -MOST_DB where the output has a fault.
        by_sample: each sample's ratio, with the rounding to the output's own steps (step^2 / 12 an element) added to
            the noise, and the signal that it has; the share of wrong ones stands for the noise of labels.
        exact: True where the artifact gives the very values of the reference.
        cosine: sum r a / sqrt(sum r^2 sum a^2); None where one of them is zero throughout.
        max_error: largest |r - a|, in real units.
        peak: largest |r|, in real units.
        span: the lowest and the highest r that not only a single sample takes (`verification.extremes`), in real units;
            None where there are fewer than two samples.
        reached: the same of a.
        step: real value of one code; 0 for float values.
        reach: lowest and highest value that the file's codes can express in this output at all
            (`verification.reach`); None where nothing limits them.
        argmax_agreement: share of samples with the same largest class; None where the output is no class vector.
        equal: share of elements that equal the reference's, for labels (integers without a scale: an argmax, indices,
            a map of classes), whose differences mean nothing; None for other outputs.
        dead: why the output carries no information although the reference's does; empty where it is alive.
        fault: why the output is useless whatever the figures say: it is NaN or infinite where the reference is finite,
            or noise where the reference is zero throughout; empty where it is neither.
        starved: which parts of the output its one scale is too coarse for; empty where it suits them all.
        not_finite: elements of the reference that are NaN or infinite, which nothing can be compared with.
        rounding_db: the same ratio of the float source beside itself, computed in another order, where a float file's
            own is low; None where that was not measured.
        margin_db: how much less than that will do.
        varies: why there are no figures: its shape differs from the reference's; empty where it does not.
    """

    name: str
    sqnr_db: float | None
    exact: bool
    cosine: float | None
    max_error: float
    peak: float
    span: tuple[float, float] | None = None
    reached: tuple[float, float] | None = None
    step: float = 0.0
    reach: tuple[float, float] | None = None
    by_sample: SampleRatios = field(default=SampleRatios((), ()), repr=False)
    argmax_agreement: float | None = None
    equal: float | None = None
    source: str = ""
    dead: str = ""
    fault: str = ""
    starved: str = ""
    not_finite: int = 0
    rounding_db: float | None = None
    margin_db: float = ROUNDING_MARGIN_DB
    varies: str = ""

    @property
    def typical_db(self) -> float | None:
        """Mean of the samples' ratios, each weighted by its signal; None where there is no signal.

        Steadier than `sqnr_db`, which the few worst samples decide.
        """
        return self.by_sample.typical_db

    def asked_db(self, least: float) -> float:
        """A bar in dB, lowered where rounding alone falls short of it."""
        return least if self.rounding_db is None else min(least, self.rounding_db - self.margin_db)

    def to_json(self) -> dict[str, Json]:
        """JSON-safe: no NaN, no infinity."""
        return {
            "name": self.name,
            "sqnr_db": None if self.sqnr_db is None else round(self.sqnr_db, 3),
            "typical_db": None if self.typical_db is None else round(self.typical_db, 3),
            "exact": self.exact,
            "cosine": None if self.cosine is None else round(self.cosine, 7),
            "max_error": finite(self.max_error),
            "peak": finite(self.peak),
            "span": _ends(self.span),
            "reached": _ends(self.reached),
            "reach": _ends(self.reach),
            "argmax_agreement": self.argmax_agreement,
            "equal": self.equal,
            "dead": self.dead or None,
            "fault": self.fault or None,
            "starved": self.starved or None,
            "not_finite": self.not_finite,
            "rounding_db": None if self.rounding_db is None else round(self.rounding_db, 3),
            **({"varies": self.varies} if self.varies else {}),
        }


def _is_short(ratio: float | None, least_db: float) -> bool:
    return ratio is not None and ratio < least_db


def _ends(interval: tuple[float, float] | None) -> Json:
    return None if interval is None else [finite(end) for end in interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """The artifact beside its float source, on samples that calibration did not see.

    Attributes:
        samples: how many.
        outputs: in the source model's order.
        kinds: what is known of the source model's outputs beside numbers, and how much of that agrees.
        calibrated: False where the samples are made up: the figures then say little.
        kernels: what ran the artifact.
        beside: what it was compared with.
        behind: the source's outputs behind the tail of a divided network, of which `outputs` are the cut's; empty
            without one.
        not_behind: why those could not be compared; empty where they could.
        glance: one sample with what both sides detect or segment in it; None where no output can be drawn.
    """

    samples: int
    outputs: tuple[OutputParity, ...]
    kinds: tuple[KindParity, ...] = ()
    calibrated: bool = True
    kernels: str = ""
    beside: str = "the float source"
    behind: tuple[OutputParity, ...] = ()
    not_behind: str = ""
    glance: Glance | None = field(default=None, repr=False, compare=False)

    @property
    def exact(self) -> bool:
        """True where every output equals the reference's."""
        return all(output.exact for output in self.outputs)

    @property
    def rated(self) -> bool:
        """True where at least one output has an SQNR."""
        return any(output.sqnr_db is not None for output in self.outputs)

    @property
    def min_sqnr(self) -> float:
        """The lowest SQNR of an output, in dB; `MOST_DB` where none has one (all are exact, or labels)."""
        return min((o.sqnr_db for o in self.outputs if o.sqnr_db is not None), default=MOST_DB)

    @property
    def tail_tells(self) -> bool:
        """Whether every output behind the tail of a divided network is measured by its kind: nothing else counts."""
        parts = [part for part in self.kinds if part.behind]
        names = {part.name for part in parts if part.measured}
        return bool(self.behind) and all(part.measured for part in parts) and {o.name for o in self.behind} <= names

    @property
    def judged_kinds(self) -> tuple[KindParity, ...]:
        """The parts of outputs that count where kinds decide."""
        return tuple(part for part in self.kinds if part.behind or not self.tail_tells)

    def kinds_of(self, output: OutputParity) -> tuple[KindParity, ...]:
        """What is known of an output of the file beside its numbers; all that a tail makes, where that tells."""
        if self.tail_tells:
            return self.judged_kinds
        return tuple(part for part in self.kinds if not part.behind and part.name == (output.source or output.name))

    def decisive_kind(self, least_db: float) -> KindParity | None:
        """The part that decides where kinds do: one that falls short in dB, else the furthest below its kind's bar.

        Args:
            least_db: what is asked of all that no kind's measure says anything of.

        Returns:
            None where no kind is measured, or where an output of no kind falls short.
        """
        if any(_is_short(output.sqnr_db, least_db) and not self.kinds_of(output) for output in self.outputs):
            return None
        short = [part for part in self.judged_kinds if not part.measured and _is_short(part.sqnr_db, least_db)]
        measured = [part for part in self.judged_kinds if part.measured]
        return min(short or measured, key=lambda part: (part.sqnr_db if short else part.margin) or 0.0, default=None)

    @property
    def summary(self) -> str:
        """The lowest SQNR in words: `31.2 dB`, `exact`, or `-` where no output has one."""
        if self.exact:
            return "exact"
        return f"{self.min_sqnr:.1f} dB" if self.rated else "-"

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        outputs: list[Json] = [output.to_json() for output in self.outputs]
        kinds: list[Json] = [kind.to_json() for kind in self.kinds]
        behind: list[Json] = [output.to_json() for output in self.behind]
        return {
            "samples": self.samples,
            "calibrated": self.calibrated,
            "kernels": self.kernels,
            "beside": self.beside,
            "sqnr_definition": "10*log10(sum(ref^2)/sum((ref-artifact)^2)) over all elements and samples",
            "exact": self.exact,
            "min_sqnr_db": round(self.min_sqnr, 3) if self.rated else None,
            "outputs": outputs,
            "kinds": kinds,
            **({"behind_tail": behind} if behind else {}),
            **({"not_compared_behind_tail": self.not_behind} if self.not_behind else {}),
        }
