"""`dlpuconv convert`: a model becomes verified files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.interruption import stop_signals
from dlpuconv.errors import OutputError
from dlpuconv.language.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlpuconv.delivery import Force
    from dlpuconv.workflow.conversion import Conversion, Converted


def convert(
    model: opt.Model,
    target: opt.Targets,
    calibration: opt.Calibration = None,
    validation: opt.Validation = None,
    output: opt.Output = Path(),
    force: opt.Force = False,
    force_all: opt.ForceAll = False,
    factory: opt.Factory = "",
    allow_pickle: opt.AllowPickle = False,
    signature: opt.Signature = "",
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    tail: opt.Tail = None,
    resize: opt.ResizeMode = "stretch",
    color: opt.ColorOrder = "rgb",
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    fold_preprocess: opt.FoldPreprocess = None,
    granularity: opt.GranularityOption = None,
    override: opt.Overrides = None,
    effort: opt.EffortOption = "balanced",
    recipe: opt.RecipeFile = None,
    metric: opt.MetricOption = None,
    max_drop: opt.MaxDrop = None,
    input_dtype: opt.InputDtype = None,
    output_dtype: opt.OutputDtype = None,
    input_layout: opt.InputLayout = None,
    opset: opt.Opset = None,
    split_inputs: opt.SplitInputs = "auto",
    split_outputs: opt.SplitOutputs = "auto",
    final_activation: opt.FinalActivation = "auto",
    backend: opt.BackendName = None,
    min_sqnr: opt.MinSqnr = None,
    output_kind: opt.OutputKinds = None,
    report: opt.ReportFile = None,
    overlay: opt.Overlay = None,
    bom: opt.Bom = False,
    no_cache: opt.NoCache = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Convert a model for one or several chips, and verify it.

    Example: dlpuconv convert model.onnx --target artpec8 --calibration images/ --preset imagenet --output out/
    """
    from dlpuconv.cli.console import CommandProgress, fail, print_json
    from dlpuconv.cli.parsing import names, numbers, shapes
    from dlpuconv.cli.streams import streams
    from dlpuconv.delivery import check_destination, recover
    from dlpuconv.reporting import check_overlays, check_report, report_names
    from dlpuconv.workflow.convert import artifact_names, inputs_of
    from dlpuconv.workflow.convert import convert as run
    from dlpuconv.workflow.option_values import make_request
    from dlpuconv.workflow.run import Data

    request = make_request(
        targets=names(",".join(target)),
        factory=factory,
        allow_pickle=allow_pickle,
        signature=signature,
        input_shape=shapes(input_shape),
        cut_at=names(cut_at),
        tail=tail,
        resize=resize,
        color=color,
        mean=numbers("mean", mean),
        std=numbers("std", std),
        preset=preset,
        fold_preprocess=fold_preprocess,
        granularity=granularity,
        overrides=tuple(override or ()),
        input_dtype=input_dtype,
        output_dtype=output_dtype,
        input_layout=input_layout,
        opset=opset,
        split_inputs=split_inputs,
        split_outputs=split_outputs,
        final_activation=final_activation,
        effort=effort,
        recipe=recipe,
        metric=metric,
        max_drop=max_drop,
        backend=backend,
        min_sqnr=min_sqnr,
        output_kinds=tuple(output_kind or ()),
        layers=report is not None or overlay is not None,
        bom=bom,
        cache=not no_cache,
    )
    data = Data(calibration=calibration, validation=validation)
    allowed: Force = "all" if force_all else force
    recover(output)
    sure, inputs = artifact_names(model.stem, request), inputs_of(model, request, data)
    check_destination(output, sure, force=allowed, inputs=inputs)
    pages = report_names(report, request.targets) if report else {}
    results = [output / Path(name).parts[0] for name in sure]
    for page in pages.values():
        check_report(page, results)
    if overlay:
        for name in request.targets:
            check_overlays(overlay, f"{model.stem}.{name}", results)
    progress = CommandProgress(quiet=quiet or json)
    done = run(model, request, data, progress)
    stop_signals.check()
    paths = done.write(output, force=allowed)
    pages = {artifact.target: pages[artifact.target] for artifact in done.artifacts if pages}
    kept = f"the files were written to {str(output)!r}"
    _write_seen(done, pages, overlay, kept)
    for text in (text for artifact in done.artifacts for text in _warnings(artifact)):
        progress.message(text)
    if json:
        print_json(done.to_json(paths))
    else:
        _print(done, paths, [*pages.values(), *([overlay] if overlay else [])], quiet=quiet)
    for failure in done.failures:
        fail(f"{failure.target}: {failure.error}", failure.error.id)
    streams.check(kept)
    if done.verdict == "fail":
        raise typer.Exit(max((failure.error.status for failure in done.failures), default=1))


def _write_seen(done: Conversion, pages: Mapping[str, Path], overlay: Path | None, kept: str) -> None:
    """The reports and the overlays that were asked for."""
    from dlpuconv.reporting import write_overlays, write_report

    try:
        write_report({page: done[name].to_html() for name, page in pages.items()})
        if overlay:
            for artifact in done.artifacts:
                write_overlays(overlay, artifact.stem, artifact.overlays())
    except OutputError as error:
        what = "overlays were" if overlay and not pages else "report was"
        raise OutputError(f"{kept}, but the {what} not written: {error}", id=error.id) from error


def _warnings(artifact: Converted) -> tuple[str, ...]:
    problem = artifact.compilation.problem if artifact.compilation else ""
    return (*artifact.report.warnings, *((problem,) if problem else ()))


def _print(done: Conversion, paths: list[Path], pages: list[Path], *, quiet: bool) -> None:
    from dlpuconv.cli.console import show
    from dlpuconv.workflow.summary import conversion_text, next_steps

    show(*conversion_text(done, trials=not quiet))
    if not quiet:
        print(*printable(next_steps(done, paths, pages)), sep="\n")  # commands to copy: no line may be broken
