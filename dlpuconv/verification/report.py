"""What the verifier found, as values: printed in the terminal, written to manifests, drawn in reports."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, override

from dlpuconv.jsonable import finite, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.jsonable import Json
    from dlpuconv.placement import Forecast
    from dlpuconv.verification.granularity import GranularitySummary
    from dlpuconv.verification.layer_parity import LayersReport
    from dlpuconv.verification.metric import MetricScore
    from dlpuconv.verification.output_parity import ParityReport
    from dlpuconv.verification.rule import Finding

_MOST_HITS = 50  # written to JSON; the count is always there


class Verdict(StrEnum):
    """Whether a file may be trusted on its chip."""

    PASS = "pass"
    FAIL = "fail"


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
        return told(self, scale=None if self.scale is None else finite(self.scale))


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
        calibrated: False where calibration or comparison used synthetic samples.
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

    @override
    def __repr__(self) -> str:
        figure = f", {self.parity.summary}" if self.parity is not None else ""
        return f"<Report {self.file} for {self.target}: {self.verdict}{figure}>"

    def _repr_html_(self) -> str:
        from dlpuconv.display.notebook import as_html
        from dlpuconv.language.printable import printable
        from dlpuconv.verification.report_text import render_report

        return as_html([render_report(printable(self))])

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


def _finding(finding: Finding) -> Json:
    hits: list[Json] = [{"layer": hit.layer, "detail": hit.detail} for hit in finding.hits[:_MOST_HITS]]
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "status": finding.status.value,
        "sentence": finding.sentence,
        "source": finding.source,
        "cause": finding.cause or None,
        "fix": finding.fix,
        "count": len(finding.hits),
        "hits": hits,
    }
