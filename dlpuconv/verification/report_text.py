"""The verdict for the terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from dlpuconv.formats.kinds import TFLITE
from dlpuconv.language.brief import more
from dlpuconv.verification.kinds.words import KindRow
from dlpuconv.verification.rule import Severity, Status
from dlpuconv.verification.rules import INPUT_RULES
from dlpuconv.verification.verdict import broken

if TYPE_CHECKING:
    from rich.console import RenderableType

    from dlpuconv.verification.kinds.parity import KindParity
    from dlpuconv.verification.layer_parity import LayersReport
    from dlpuconv.verification.output_parity import OutputParity, ParityReport
    from dlpuconv.verification.report import Report
    from dlpuconv.verification.rule import Finding

_SHOWN_HITS = 3
_SHOWN_LAYERS = 5
_NEXT_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z`])")
_DOUBTS = frozenset(rule.id for rule in INPUT_RULES)
_STYLE = {Severity.FAIL: "red", Severity.WARN: "yellow"}


def render_report(report: Report) -> RenderableType:
    """The whole report: verdict and reasons first, then the figures, then every finding."""
    parts: list[RenderableType] = [*render_verdict(report), "", _facts(report)]
    if report.parity is not None:
        parts += ["", render_parity(report.parity, f"beside {report.parity.beside}")]
    if report.layers is not None and report.layers.worst:
        parts += ["", _worst_layers(report.layers)]
    if report.findings:
        parts += ["", _findings(report.findings)]
    parts += [Text(f"note: {text}", style="yellow") for text in report.warnings]
    return Group(*parts)


def render_verdict(report: Report) -> list[RenderableType]:
    """The verdict, and the reasons of a failure."""
    return [_headline(report), *render_reasons(report)]


def render_reasons(report: Report) -> list[RenderableType]:
    """One line for each reason of a failure; none for a pass."""
    return [Text.assemble((f"{report.target}: ", "bold red"), reason) for reason in report.reasons]


def render_doubts(report: Report) -> list[RenderableType]:
    """One line for each reason to doubt what the network is fed, which no comparison with the source shows."""
    doubted = [finding for finding in report.findings if finding.rule in _DOUBTS and finding.severity is Severity.WARN]
    return [Text.assemble((f"{report.target}: ", "bold yellow"), broken(finding)) for finding in doubted]


def render_advice(report: Report) -> list[RenderableType]:
    """What may help against the reasons of a failure, each sentence once; nothing for a pass."""
    fixes = [finding.fix for finding in report.findings if finding.fix and broken(finding) in report.reasons]
    said: set[str] = set()
    lines: list[str] = []
    for fix in fixes:
        new = [sentence for sentence in _NEXT_SENTENCE.split(fix) if sentence not in said]
        said.update(new)
        lines += [" ".join(new)] if new else []
    return [Text("what may help:", "bold"), *(Text(f"  {line}") for line in lines)] if lines else []


def _headline(report: Report) -> Text:
    word, style = ("pass", "bold green") if report.passed else ("FAIL", "bold red")
    warned = sum(finding.severity is Severity.WARN for finding in report.findings)
    note = f" with {warned} kind{'s' * (warned > 1)} of warnings" if warned else ""
    return Text.assemble((word, style), f"  {report.file} for {report.target}{note}")


def _facts(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    ops = ", ".join(f"{op} {count}" for op, count in report.op_counts.items())
    rows = [("weights", report.granularity.summary), ("ops", ops)]
    if report.placement is not None:
        rows += [("runs", sentence) for sentence in report.placement.sentences]
        rows += [("", f"an estimate: {report.placement.estimate}")] if report.placement.estimate else []
    for noun, tensors in (("input", report.inputs), ("output", report.outputs)):
        for t in tensors:
            scale = "" if t.scale is None else f", scale {t.scale:.6g}, zero point {t.zero_point}"
            rows.append((noun, f"{t.name}  {t.dtype} {list(t.shape)}{scale}"))
    if report.metric is not None:
        rows.append(("metric", f"{report.metric.name}  {report.metric.value:.6g}, float {report.metric.source:.6g}"))
    if report.min_runtime:
        said = report.metadata.get("min_runtime_version", report.min_runtime)
        differs = (
            f" by the versions of its operators (the file itself says {said})" if said != report.min_runtime else ""
        )
        rows.append(("runtime", f"{TFLITE.title} {report.min_runtime} or newer{differs}"))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def render_parity(parity: ParityReport, title: str) -> RenderableType:
    """The figures of each output below a title."""
    title = f"{title}, {parity.samples} samples ({parity.kernels})"
    parts: list[RenderableType] = [Text(title), _table_of(parity.outputs)]
    if parity.behind:
        parts += [Text("behind the tail, which runs on the CPU"), _table_of(parity.behind)]
        parts += [Text(f"  {output.name}: {output.varies}", style="dim") for output in parity.behind if output.varies]
    if parity.kinds:
        parts.append(_kinds(parity.kinds))
    if parity.not_behind:
        parts.append(Text(f"not compared behind the tail: {parity.not_behind}", style="yellow"))
    return Group(*parts)


def _kinds(kinds: tuple[KindParity, ...]) -> Table:
    """What outputs are, and how much of that agrees."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("output", "what it is", "what agrees"):
        table.add_column(heading, overflow="fold")
    for heading in ("agreement", "asked for"):
        table.add_column(heading, justify="right")
    for row in map(KindRow.of, kinds):
        table.add_row(Text(row.name), row.kind, row.measure, row.agreement, row.least or "-")
    return table


def _table_of(outputs: tuple[OutputParity, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("output", overflow="fold")
    for heading in ("SQNR dB", "cosine", "max error", "same argmax"):
        table.add_column(heading, justify="right")
    for output in outputs:
        table.add_row(*_figures(output))
    return table


def _worst_layers(layers: LayersReport) -> RenderableType:
    """Where the signal is weakest, in few lines; JSON and the HTML report have all layers."""
    shown = layers.worst[:_SHOWN_LAYERS]
    title = (
        f"layers that agree least with the source (of {len(layers.layers)} that were compared,"
        f" on {layers.samples} samples)"
    )
    if layers.not_compared:
        title += f" ({len(layers.not_compared)} other layers have no counterpart in the source)"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("layer", overflow="fold")
    table.add_column("op")
    for heading in ("SQNR dB", "cosine"):
        table.add_column(heading, justify="right")
    for layer in shown:
        cosine = "-" if layer.cosine is None else f"{layer.cosine:.4f}"
        table.add_row(Text(_short(layer.names.label)), Text(layer.op), f"{layer.sqnr_db:.1f}", cosine)
    return Group(Text(title), table)


def _figures(output: OutputParity) -> tuple[str, ...]:
    mark = "constant" if output.dead else "not usable" if output.fault else ""
    return (
        escape(output.name) + (f" [red]({mark})[/]" if mark else ""),
        _agreement(output),
        "-" if output.cosine is None else f"{output.cosine:.4f}",
        "-" if output.varies else f"{output.max_error:.3g}",
        "-" if output.argmax_agreement is None else f"{output.argmax_agreement:.1%}",
    )


def _agreement(output: OutputParity) -> str:
    if output.exact:
        return "exact"
    if output.equal is not None:
        return f"{output.equal:.1%} equal"
    return "-" if output.sqnr_db is None else f"{output.sqnr_db:.1f}"


def _findings(findings: tuple[Finding, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("rule", "", "what must hold, and where it does not"):
        table.add_column(heading, overflow="fold")
    for finding in findings:
        style = _STYLE[finding.severity]
        table.add_row(
            Text(finding.rule, style=style, no_wrap=True), Text(_word(finding), style=style), _sentence(finding)
        )
    return table


def _word(finding: Finding) -> str:
    return finding.severity.value if finding.status is Status.BROKEN else f"{finding.severity.value}: {finding.status}"


def _sentence(finding: Finding) -> Text:
    text = Text(finding.sentence)
    for hit in finding.hits[:_SHOWN_HITS]:
        text.append(f"\n  {_short(hit.layer)}: {hit.detail}" if hit.layer else f"\n  {hit.detail}", style="dim")
    if left := more(len(finding.hits) - _SHOWN_HITS):
        text.append(f"\n  {left}", style="dim")
    if finding.cause:
        text.append(f"\n  {finding.cause}")
    if finding.fix:
        text.append(f"\n  -> {finding.fix}")
    return text


def _short(name: str) -> str:
    """TensorFlow joins the names of all that it fused; the first is enough here."""
    return name.split(";")[0]
