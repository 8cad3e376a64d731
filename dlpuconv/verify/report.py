"""What the verifier found, as values: printed in the terminal, written to manifests, drawn in reports."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from dlpuconv.verify.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.placement import Forecast
    from dlpuconv.verify.granularity import GranularitySummary
    from dlpuconv.verify.layer_parity import LayersReport
    from dlpuconv.verify.metric import MetricScore
    from dlpuconv.verify.rule import Finding

_MOST_HITS = 50  # written to JSON; the count is always there
MOST_DB = 200.0
"""Ratios beyond this (or under its negative) say nothing more in double precision: they are cut."""
ROUNDING_MARGIN_DB = 20.0
"""A float file folds and moves constants besides: it may round ten times as much as its source does."""
LOWEST_DB, HIGHEST_DB = -20.0, 60.0
"""What the ratio of one sample is cut to, so that none outweighs all others in a mean."""


class Verdict(StrEnum):
    """Whether a file may be trusted on its chip."""

    PASS = "pass"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputParity:
    """One output beside the float source model's, over all samples.

    Attributes:
        name: of the output.
        sqnr_db: 10 log10(sum r^2 / sum (r - a)^2) over all elements of all samples, r the reference and a the
            artifact's dequantized values; None where a equals r, r is zero throughout, or the values are labels;
            -MOST_DB where the output has a fault.
        typical_db: mean over the samples of each one's ratio, cut to -20..60 dB, with the rounding to the output's own
            steps (step^2 / 12 an element) added to the noise; steadier than `sqnr_db`, which the few worst samples
            decide. None for labels, and where nothing differs or the reference is zero throughout.
        exact: True where the artifact gives the very values of the reference.
        cosine: sum r a / sqrt(sum r^2 sum a^2); None where one of them is zero throughout.
        max_error: largest |r - a|, in real units.
        peak: largest |r|, in real units.
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
    """

    name: str
    sqnr_db: float | None
    exact: bool
    cosine: float | None
    max_error: float
    peak: float
    typical_db: float | None = None
    argmax_agreement: float | None = None
    equal: float | None = None
    dead: str = ""
    fault: str = ""
    starved: str = ""
    not_finite: int = 0
    rounding_db: float | None = None
    margin_db: float = ROUNDING_MARGIN_DB

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
            "argmax_agreement": self.argmax_agreement,
            "equal": self.equal,
            "dead": self.dead or None,
            "fault": self.fault or None,
            "starved": self.starved or None,
            "not_finite": self.not_finite,
            "rounding_db": None if self.rounding_db is None else round(self.rounding_db, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ParityReport:
    """The artifact beside its float source, on samples that calibration did not see.

    Attributes:
        samples: how many.
        outputs: in the source model's order.
        calibrated: False where the samples are made up: the figures then say little.
        kernels: what ran the artifact.
        beside: what it was compared with.
    """

    samples: int
    outputs: tuple[OutputParity, ...]
    calibrated: bool = True
    kernels: str = ""
    beside: str = "the float source"

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

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        outputs: list[Json] = [output.to_json() for output in self.outputs]
        return {
            "samples": self.samples,
            "calibrated": self.calibrated,
            "kernels": self.kernels,
            "beside": self.beside,
            "sqnr_definition": "10*log10(sum(ref^2)/sum((ref-artifact)^2)) over all elements and samples",
            "exact": self.exact,
            "min_sqnr_db": round(self.min_sqnr, 3) if self.rated else None,
            "outputs": outputs,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IoTensor:
    """An input or output as the file declares it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None

    def to_json(self) -> dict[str, Json]:
        """JSON-safe."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "dtype": self.dtype,
            "scale": None if self.scale is None else finite(self.scale),
            "zero_point": self.zero_point,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that the verifier found about one file and one target.

    Attributes:
        file: its name.
        format: `tflite`, `onnx` or `package`.
        target: the chip.
        verdict: pass or fail.
        reasons: a sentence for each thing that made it fail.
        findings: broken rules, fatal ones first.
        ignored: ids of rules that did not count.
        granularity: of every layer's weights.
        inputs: as the file declares them.
        outputs: as the file declares them.
        op_counts: how often each op occurs.
        placement: where each layer will run; None where nothing is known of that.
        parity: None where there was no reference or no data.
        layers: the same layer by layer; None where nobody asked, or there was nothing to compare with.
        metric: the user's own; None where there is none.
        calibrated: False where calibration or comparison used made-up samples.
        warnings: what else the user should know, beside the findings.
        metadata: free texts of the file, such as `min_runtime_version`.
        min_runtime: the first TensorFlow Lite that has all ops of the file in their versions; empty for other formats.
    """

    file: str
    format: str
    target: str
    verdict: Verdict
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    granularity: GranularitySummary
    inputs: tuple[IoTensor, ...]
    outputs: tuple[IoTensor, ...]
    op_counts: Mapping[str, int]
    ignored: tuple[str, ...] = ()
    placement: Forecast | None = None
    parity: ParityReport | None = None
    layers: LayersReport | None = None
    metric: MetricScore | None = None
    calibrated: bool = True
    warnings: tuple[str, ...] = ()
    metadata: Mapping[str, str]
    min_runtime: str = ""

    @property
    def passed(self) -> bool:
        """True for the verdict `pass`."""
        return self.verdict is Verdict.PASS

    def to_json(self) -> dict[str, Json]:
        """For `--json` and the manifest: plain JSON, no NaN, no infinity."""
        return {
            "file": self.file,
            "format": self.format,
            "target": self.target,
            "verdict": self.verdict.value,
            "reasons": list(self.reasons),
            "findings": [_finding(finding) for finding in self.findings],
            "ignored_rules": list(self.ignored),
            "granularity": self.granularity.to_json(),
            "inputs": [tensor.to_json() for tensor in self.inputs],
            "outputs": [tensor.to_json() for tensor in self.outputs],
            "op_counts": dict(self.op_counts),
            "placement": None if self.placement is None else self.placement.to_json(),
            "parity": None if self.parity is None else self.parity.to_json(),
            "layers": None if self.layers is None else self.layers.to_json(),
            "metric": None if self.metric is None else self.metric.to_json(),
            "calibrated": self.calibrated,
            "warnings": list(self.warnings),
            "metadata": dict(self.metadata),
            "min_runtime": self.min_runtime or None,
        }


def ratio_db(signal: float, noise: float) -> float | None:
    """Signal-to-noise ratio in dB of two sums of squares, within +-`MOST_DB`; None where either is zero."""
    if noise == 0.0 or signal == 0.0:
        return None
    # The difference of logarithms, since the quotient itself may leave the range of a double.
    ratio = 10.0 * (math.log10(signal) - math.log10(noise)) if math.isfinite(noise) else -MOST_DB
    return max(-MOST_DB, min(MOST_DB, ratio))


def fatal(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that fail a file."""
    return tuple(finding for finding in findings if finding.severity is Severity.FAIL)


def _finding(finding: Finding) -> Json:
    hits: list[Json] = [{"layer": hit.layer, "detail": hit.detail} for hit in finding.hits[:_MOST_HITS]]
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "sentence": finding.sentence,
        "source": finding.source,
        "fix": finding.fix,
        "count": len(finding.hits),
        "hits": hits,
    }


def finite(value: float) -> float | None:
    """None for what JSON has no form for."""
    return value if math.isfinite(value) else None
