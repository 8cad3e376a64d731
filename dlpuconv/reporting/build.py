"""Material -> Page: what there is to tell, put into words and drawings, the most important first."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from dlpuconv import __version__
from dlpuconv.contract import c_header, python_snippet
from dlpuconv.formats.kinds import PACKAGE, TFLITE
from dlpuconv.formats.package_layout import MODEL
from dlpuconv.language.brief import more
from dlpuconv.placement import Processor
from dlpuconv.placement.forecast_text import plural
from dlpuconv.placement.macs import macs
from dlpuconv.reporting.close_ups import close_ups
from dlpuconv.reporting.error_chart import error_charts
from dlpuconv.reporting.layer_table import layer_list
from dlpuconv.reporting.origin import origin_facts, trial_rows
from dlpuconv.reporting.page import Fact, FindingText, OutputRow, Page, Snippet
from dlpuconv.reporting.pictures import picture_pairs
from dlpuconv.reporting.port_rows import port_rows
from dlpuconv.reporting.wording import decibels, number, percent, quantity, short, size
from dlpuconv.verification.kinds.words import KindRow
from dlpuconv.verification.rule import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlpuconv.contract import Contract
    from dlpuconv.placement import Forecast
    from dlpuconv.reporting.material import Material
    from dlpuconv.verification.layer_parity import LayersReport
    from dlpuconv.verification.output_parity import OutputParity, ParityReport
    from dlpuconv.verification.rule import Finding

_SHOWN_PLACES = 20
_LIKENESS = {
    "scaled": " The recipe scaled channels so that they quantize well; values are compared up to a factor for each"
    " channel, as the layers behind take it out again.",
    "affine": " The recipe scaled and moved channels so that they quantize well; values are compared up to a factor and"
    " an offset for each channel, as the layers behind take them out again.",
}


def make_page(material: Material) -> Page:
    """The whole page."""
    report, contract = material.report, material.contract
    note, worst = close_ups(material)
    return Page(
        file=report.file,
        chip=material.target.title,
        passed=report.passed,
        warnings=_warnings(report.findings),
        reasons=report.reasons,
        figures=tuple(_figures(material)),
        findings=tuple(map(_finding, report.findings)),
        notes=(*report.warnings, *_not_behind(report.parity)),
        compared=_compared(material),
        outputs=tuple(_outputs(report.parity)) if report.parity else (),
        kinds=tuple(map(KindRow.of, report.parity.kinds)) if report.parity else (),
        pictures=picture_pairs(material),
        charts=error_charts(material),
        chart_note=_chart_note(report.layers),
        close_ups=worst,
        close_up_note=note,
        layers=layer_list(material),
        placement=material.forecast.sentences if material.forecast else (),
        trials=trial_rows(material.origin),
        metric=report.metric.name if report.metric else "",
        ports=port_rows(contract),
        snippets=tuple(_snippets(material, contract)),
        camera=tuple(_camera(material)),
        origin=origin_facts(material.origin),
        version=__version__,
    )


def _figures(material: Material) -> Iterator[Fact]:
    report = material.report
    if report.parity is not None and report.parity.exact:
        yield Fact("signal to noise", "exact", "equal to the source")
    elif report.parity is not None and report.parity.rated:
        worst = "the worst output" if len(report.parity.outputs) > 1 else "at the output"
        yield Fact("signal to noise", f"{decibels(report.parity.min_sqnr)} dB", worst)
    part = report.parity.decisive_kind(-math.inf) if report.parity is not None else None
    if part is not None:
        row = KindRow.of(part)
        yield Fact(row.measure, row.agreement, row.name)
    if report.metric is not None:
        yield Fact(short(report.metric.name), f"{report.metric.value:.6g}", f"float {report.metric.source:.6g}")
    yield Fact("weights", report.granularity.summary, plural(len(report.granularity.layers), "layer"))
    if material.forecast is not None:
        share = material.forecast.accelerated_share
        if share is not None:
            yield Fact(f"MACs on the {material.forecast.accelerator}", percent(share), _elsewhere(material.forecast))
    work = sum(macs(material.view, layer) for layer in material.view.layers)
    if work:
        yield Fact("work", f"{quantity(work)} MACs", plural(len(material.view.layers), "layer"))
    yield Fact("size", size(material.size), _runtime(material))


def _elsewhere(forecast: Forecast) -> str:
    cpu = forecast.on(Processor.CPU)
    return f"forecast; {plural(len(cpu), 'layer')} on the CPU" if cpu else "forecast; nothing on the CPU"


def _runtime(material: Material) -> str:
    runtime = material.report.min_runtime
    return f"needs {TFLITE.title} {runtime}" if runtime else ""


def _warnings(findings: tuple[Finding, ...]) -> str:
    count = sum(finding.severity is Severity.WARN for finding in findings)
    return f"{plural(count, 'kind')} of warnings" if count else ""


def _finding(finding: Finding) -> FindingText:
    return FindingText(
        rule=finding.rule,
        fails=finding.severity is Severity.FAIL,
        sentence=f"{finding.sentence} {finding.cause}".strip(),
        fix=finding.fix,
        places=tuple((short(hit.layer), hit.detail) for hit in finding.hits[:_SHOWN_PLACES]),
        count=len(finding.hits),
        more=more(len(finding.hits) - _SHOWN_PLACES),
    )


def _compared(material: Material) -> str:
    parity = material.report.parity
    if parity is None:
        return ""
    kind = "" if parity.calibrated else "synthetic  "
    return f"{parity.samples} {kind}{'sample' if parity.samples == 1 else 'samples'}, run by {parity.kernels}"


def _outputs(parity: ParityReport) -> Iterator[OutputRow]:
    """The file's own, then those of the whole network where it is divided."""
    yield from map(_output, parity.outputs)
    for output in parity.behind:
        row = _output(output)
        yield replace(row, name=f"{row.name}, behind the tail")


def _not_behind(parity: ParityReport | None) -> tuple[str, ...]:
    told = parity.not_behind if parity else ""
    return (f"not compared behind the tail: {told}",) if told else ()


def _output(output: OutputParity) -> OutputRow:
    if output.equal is not None:
        sqnr = f"{percent(output.equal)} equal"
    else:
        sqnr = "exact" if output.exact else decibels(output.sqnr_db)
    return OutputRow(
        name=output.name,
        sqnr=sqnr,
        cosine="" if output.cosine is None else f"{output.cosine:.4f}",
        max_error="" if output.varies else number(output.max_error),
        peak="" if output.varies else number(output.peak),
        agreement="" if output.argmax_agreement is None else percent(output.argmax_agreement),
        trouble=output.fault or output.dead,
        note=output.varies,
    )


def _chart_note(layers: LayersReport | None) -> str:
    if layers is None:
        return ""
    told = f"Measured on {plural(layers.samples, 'sample')}.{_LIKENESS.get(layers.likeness, '')}"
    if layers.not_compared:
        count = len(layers.not_compared)
        verb, them = ("has", "is") if count == 1 else ("have", "are")
        told += f" {plural(count, 'layer')} {verb} no counterpart of that name in the source and {them} left out."
    return told


def _snippets(material: Material, contract: Contract) -> Iterator[Snippet]:
    kind = material.view.kind
    if kind.integers:
        if not _is_compiled(material):  # only the chip runs that
            yield Snippet("Python", python_snippet(material.report.file, contract, kind))
        stem = material.report.file.removesuffix(kind.suffix)
        yield Snippet(f"C: {stem}.model_params.h", c_header(stem, contract))
    elif kind is PACKAGE:
        file = f"{material.report.file}/{MODEL}"
        yield Snippet("Python, for the float model in the package", python_snippet(file, contract, kind))
    else:
        yield Snippet("Python", python_snippet(material.report.file, contract, kind))


def _camera(material: Material) -> Iterator[Snippet]:
    """The chip's own compiler, where there is one that the file has not been through, and the command on the camera."""
    target, file = material.target, material.report.file
    compiler = target.compiler
    if compiler is not None and not _is_compiled(material):
        filled = (part.format(file=file, folder=".") for part in compiler.arguments)
        yield Snippet("First, where the chip's compiler is installed", " ".join([compiler.executable, *filled]))
        file = compiler.produces.format(stem=file.rpartition(".")[0] or file)
    if target.run_on_camera:
        yield Snippet("Run it once", target.run_on_camera.format(file=file, device=target.device))


def _is_compiled(material: Material) -> bool:
    """Whether the chip's own compiler has put an op of its own into the file."""
    return material.target.compiler is not None and any(layer.custom for layer in material.view.layers)
