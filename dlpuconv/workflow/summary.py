"""A conversion for the terminal: what was made, how good it is, and what to do on the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dlpuconv.inspection.describe import size_text
from dlpuconv.language.brief import listed
from dlpuconv.language.printable import printable
from dlpuconv.quantization.stated.ledger import Ledger
from dlpuconv.verification.kinds.words import KindRow
from dlpuconv.verification.report_text import render_advice, render_doubts, render_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.console import RenderableType

    from dlpuconv.quantization.search import Trial
    from dlpuconv.workflow.conversion import Conversion, Converted

_PLACEMENT_SENTENCES = 2  # the share of the work, and what the CPU does


def conversion_text(done: Conversion, *, trials: bool = True) -> Iterator[RenderableType]:
    """What was made, where it will run, why something failed and what may help.

    Args:
        done: to show.
        trials: tell what recipes were tried, too.
    """
    yield _summary_table(done)
    yield from _placement_lines(done)
    yield from _rest_lines(done)
    yield from _scale_lines(done)
    yield from _kind_lines(done)
    for artifact in done.artifacts:
        report = printable(artifact.report)
        yield from render_reasons(report)
        yield from render_advice(report)
        yield from render_doubts(report)
    for artifact in done.artifacts:
        if artifact.provenance.trials and trials:
            yield _trials_table(artifact)


def failure_texts(done: Conversion) -> Iterator[Text]:
    """Why targets have no artifact, where no stderr tells it."""
    for failure in done.failures:
        yield Text(f"{failure.target}: failed: {printable(str(failure.error))}", "red")


def _summary_table(done: Conversion) -> Table:
    """One row an artifact."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("size", justify="right", no_wrap=True)
    table.add_column("weights")
    table.add_column("SQNR", justify="right", no_wrap=True)
    scored = any(artifact.report.metric for artifact in done.artifacts)
    if scored:
        table.add_column("metric", justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for artifact in done.artifacts:
        table.add_row(
            Text(artifact.name),  # as text: a name from a stranger's file is no markup
            size_text(artifact.size),
            _weights(artifact),
            _sqnr(artifact),
            *([_metric(artifact)] if scored else []),
            Text("pass", "green") if artifact.report.passed else Text("FAIL", "bold red"),
        )
    return table


def _placement_lines(done: Conversion) -> list[Text]:
    """Where each artifact will run, in a line or two; the rest of the forecast is in the manifest."""
    found = [(artifact.target, artifact.report.placement) for artifact in done.artifacts]
    return [
        Text.assemble((f"{target}: ", "bold"), "; ".join(placement.sentences[:_PLACEMENT_SENTENCES]))
        for target, placement in found
        if placement is not None
    ]


def _rest_lines(done: Conversion) -> list[Text]:
    """What of each network the camera's CPU runs, and from which file."""
    found = [(artifact.target, artifact.provenance.divided) for artifact in done.artifacts]
    return [
        Text.assemble((f"{target}: ", "bold"), line) for target, divided in found if divided for line in divided.told
    ]


def _scale_lines(done: Conversion) -> Iterator[Text]:
    """What became of the scales of a quantized source, each reason why one is another in a line."""
    for artifact in done.artifacts:
        ledger = Ledger.from_json(artifact.artifact.facts.get("source_scales"))
        if ledger is None:
            continue
        yield Text.assemble((f"{artifact.target}: ", "bold"), ledger.summary)
        yield from (Text(f"  {printable(line)}") for line in ledger.told())


def _kind_lines(done: Conversion) -> list[Text]:
    """What the outputs of each artifact are, and how much of that agrees: the lowest SQNR does not tell it."""
    found = [(artifact.target, artifact.report.parity) for artifact in done.artifacts]
    told = [(target, map(KindRow.of, parity.judged_kinds)) for target, parity in found if parity and parity.kinds]
    return [
        Text.assemble(
            (f"{target}: ", "bold"), listed((f"{r.name}: {r.kind} ({r.figure})" for r in rows), separator="; ")
        )
        for target, rows in told
    ]


def _trials_table(artifact: Converted) -> Table:
    """One row a recipe that was tried, below the float model's where the user's own metric scored it."""
    metric = artifact.report.metric
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(Text(f"tried for {artifact.target}"), overflow="fold")
    table.add_column("typical SQNR", justify="right", no_wrap=True)
    table.add_column("SQNR", justify="right", no_wrap=True)
    if metric:
        table.add_column(Text(metric.name), justify="right", overflow="fold")
    table.add_column("", no_wrap=True)
    usual = artifact.provenance.recipe.granularity
    if metric:
        table.add_row("the float model", "", "", f"{metric.source:.6g}", "")
    for trial in artifact.provenance.trials:
        other = [] if trial.recipe.granularity is usual else [f"{trial.recipe.granularity} throughout"]
        table.add_row(
            Text("; ".join((*other, trial.recipe.summary, *trial.notes))),
            f"{trial.score.typical_db:.1f} dB",
            f"{trial.score.sqnr_db:.1f} dB",
            *(["-" if trial.score.metric is None else f"{trial.score.metric:.6g}"] if metric else []),
            _mark(trial),
        )
    return table


def _mark(trial: Trial) -> Text:
    words = [*([] if trial.score.passes else [("fails", "red")]), *([("chosen", "green")] if trial.chosen else [])]
    if trial.alike:
        words.append(("cannot be told from the chosen one", "dim"))
    return Text(" ").join(Text(*word) for word in words)


def next_steps(done: Conversion, paths: list[Path], pages: list[Path]) -> list[str]:
    """Lines that say where everything is, reports and the folder of overlays among it, and what to run next."""
    lines = ["", f"written to {paths[0].parent}/, each with its manifest", *map(_seen, pages)]
    passed = [artifact for artifact in done.artifacts if artifact.report.passed]
    packages = [line for artifact in passed if _is_package(artifact) for line in _steps(artifact)]
    if packages:
        lines += ["", "where the chip's own compiler is installed (the package's README.md says more):", *packages]
    steps = [line for artifact in passed if not _is_package(artifact) for line in _steps(artifact)]
    if steps:
        lines += ["", "on the camera (a first load can take minutes, while the chip compiles the graph):", *steps]
    return lines


def _seen(place: Path) -> str:
    return f"overlays: {place}/" if place.is_dir() else f"report: {place}"


def _is_package(artifact: Converted) -> bool:
    return artifact.provenance.target.packager is not None


def _steps(artifact: Converted) -> list[str]:
    target = artifact.provenance.target
    file = artifact.name
    before: list[str] = []
    if artifact.compilation is not None:
        file = artifact.compilation.file
        if not artifact.compilation.content:
            before = [f"  {artifact.compilation.command}   # first, where the chip's compiler is installed"]
    run = target.run_on_camera.format(file=file, device=target.device)
    return [*before, f"  {run}"] if run else before


def _weights(artifact: Converted) -> str:
    if artifact.provenance.target.scheme.numbers.value == "float32":
        return "float32"
    return artifact.report.granularity.summary


def _sqnr(artifact: Converted) -> str:
    return "-" if artifact.report.parity is None else artifact.report.parity.summary


def _metric(artifact: Converted) -> str:
    metric = artifact.report.metric
    return f"{metric.value:.6g} (float {metric.source:.6g})" if metric else "-"
