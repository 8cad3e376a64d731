"""`dlpuconv verify`: any file, ours or not, judged for one chip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.help import CHECKS

Ignore = Annotated[
    list[str] | None,
    opt.option(
        "--ignore",
        help="Id of a rule to leave out, such as A8-PER-CHANNEL; may be repeated.",
        panel=CHECKS,
        metavar="ID",
        autocompletion=opt.complete_rule,
    ),
]
Firmware = Annotated[
    str | None,
    opt.option(
        "--firmware",
        help="Version of AXIS OS that the file must run on, such as 11.11.73; checks whether it supports the file's"
        " operators.",
        panel=CHECKS,
        metavar="VERSION",
    ),
]


def verify(
    file: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a package folder.", show_default=False)],
    target: opt.OneTarget,
    reference: opt.Reference = None,
    factory: opt.Factory = "",
    allow_pickle: opt.AllowPickle = False,
    signature: opt.Signature = "",
    data: opt.ComparedData = None,
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    resize: opt.RecordedResize = None,
    color: opt.RecordedColor = None,
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    min_sqnr: opt.MinSqnr = None,
    output_kind: opt.OutputKinds = None,
    ignore: Ignore = None,
    firmware: Firmware = None,
    strict: Annotated[bool, opt.flag("--strict", help="Fail on warnings, too.", panel=CHECKS)] = False,
    report: opt.ReportFile = None,
    overlay: opt.Overlay = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Tell whether a chip will run a file correctly.

    With --reference and --data, it also compares the file's outputs with those of its source model.

    Images for the comparison are preprocessed as the manifest beside the file says, unless one of --resize, --color,
    --mean, --std and --preset is given: then the manifest is ignored in all of these.

    Example: dlpuconv verify model.artpec8.tflite --target artpec8 --reference model.onnx --data images/
    """
    from dlpuconv.cli.console import CommandProgress, print_json, show
    from dlpuconv.cli.parsing import evidence
    from dlpuconv.cli.streams import streams
    from dlpuconv.reporting import check_overlays, check_report, write_overlays, write_report
    from dlpuconv.verification.report_text import render_report, render_verdict
    from dlpuconv.workflow.option_values import verification_options, version
    from dlpuconv.workflow.verify import verify as run

    if report:
        check_report(report)
    if overlay:
        check_overlays(overlay, _stem(file))
    found = run(
        file,
        target,
        evidence(
            reference, data, input_shape, cut_at, resize, color, mean, std, preset, factory, allow_pickle, signature
        ),
        verification_options(
            min_sqnr=min_sqnr,
            output_kinds=tuple(output_kind or ()),
            ignore=tuple(ignore or ()),
            strict=strict,
            layers=True,
        ),
        firmware=version("firmware", firmware),
        progress=CommandProgress(quiet=quiet or json),
    )
    if report:
        write_report({report: found.to_html()})
    if overlay:
        write_overlays(overlay, _stem(file), found.overlays())
    if json:
        print_json(found.to_json())
    elif quiet:
        show(*render_verdict(found.report))
    else:
        show(render_report(found.report))
    if report:
        streams.check(f"the report was written to {str(report)!r}")
    if not found.passed:
        raise typer.Exit(1)


def _stem(file: Path) -> str:
    """What the names of overlays begin with: the file's name, of a package the folder's."""
    from dlpuconv.formats.kinds import ONNX, TFLITE

    return file.resolve().name.removesuffix(TFLITE.suffix).removesuffix(ONNX.suffix)
