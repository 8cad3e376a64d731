"""`dlpuconv verify`: any file, ours or not, judged for one chip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlpuconv.cli import options as opt

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv.request import Request

Reference = Annotated[
    Path | None,
    typer.Option(help="The float .onnx that the file was made from, to compare with.", show_default=False),
]
DataOption = Annotated[
    str | None,
    typer.Option("--data", help="Samples for the comparison: a folder of images, .npz or .npy.", show_default=False),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", help="Id of a rule that shall not count; may be repeated.", show_default=False),
]


def verify(
    file: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a CV25 package.", show_default=False)],
    target: Annotated[
        str,
        typer.Option("--target", "-t", help="The chip.", autocompletion=opt.complete_target, show_default=False),
    ],
    reference: Reference = None,
    data: DataOption = None,
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    resize: opt.ResizeMode = "stretch",
    color: opt.ColorOrder = "rgb",
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    min_sqnr: opt.MinSqnr = 10.0,
    ignore: Ignore = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    json: opt.Json = False,
) -> None:
    """Check whether a chip will run a file as it should, and whether it still computes the same as its source.

    Example: dlpuconv verify model.artpec8.tflite --target artpec8 --reference model.onnx --data images/
    """
    from dlpuconv.api import make_request
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.cli.parsing import names, numbers, shapes
    from dlpuconv.registry import load_backend, load_target
    from dlpuconv.verify import Question, render_report, verify_file

    chip = load_target(target)
    request = make_request(
        targets=(target,),
        input_shape=shapes(input_shape),
        cut_at=names(cut_at),
        resize=resize,
        color=color,
        mean=numbers("mean", mean),
        std=numbers("std", std),
        preset=preset,
        min_sqnr=min_sqnr,
        ignore=tuple(ignore or ()),
        strict=strict,
    )
    source, samples = _comparison(reference, data, request)
    question = Question(
        reference=source,
        samples=samples.fit if samples else None,
        calibrated=samples is None or samples.calibrated,
        min_sqnr=request.verification.min_sqnr,
        ignore=request.verification.ignore,
        strict=request.verification.strict,
        warnings=samples.warnings if samples else (),
        backend=load_backend(chip.backend)(),
    )
    report = verify_file(file, chip, question)
    if json:
        print_json(report.to_json())
    else:
        show(render_report(report))
    if not report.passed:
        raise typer.Exit(1)


def _comparison(reference: Path | None, data: str | None, request: Request) -> tuple[Model | None, Calibration | None]:
    """The float model and the samples to compare on; all of them, since nothing is calibrated here."""
    from dlpuconv.calibration import open_calibration
    from dlpuconv.cli.console import TerminalProgress
    from dlpuconv.errors import UsageError
    from dlpuconv.frontends import load

    if (reference is None) != (data is None):
        missing, given = ("--data", "--reference") if data is None else ("--reference", "--data")
        raise UsageError(f"{given} needs {missing}: a comparison takes the float model and samples")
    if reference is None:
        return None, None
    source = load(reference, request.source)
    return source, open_calibration(
        data,
        validation=data,
        signature=source.signature,
        preprocessing=request.preprocessing,
        progress=TerminalProgress(),
    )
