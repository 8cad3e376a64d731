"""`dlpuconv compare`: two files side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.reference import read_reference, recorded_preprocessing
from dlpuconv.printable import printable

if TYPE_CHECKING:
    from dlpuconv.contrast import Opened, Trial
    from dlpuconv.request import Request


def compare(
    a: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a package folder.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            help="Chip, for where the layers would run.",
            autocompletion=opt.complete_target,
            show_default=False,
        ),
    ] = None,
    data: opt.ComparedData = None,
    reference: opt.Reference = None,
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    resize: opt.RecordedResize = None,
    color: opt.RecordedColor = None,
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    json: opt.Json = False,
) -> None:
    """Show two files side by side: sizes, operators, weights, inputs and outputs; with --data, their answers.

    The second file's answers are compared with the first one's and, with --reference, both with the float model's, as
    the manifests beside the files tell what corresponds to what. A file without a manifest is matched by names and
    shapes and, where nothing says how images are normalized, takes pixels as a camera delivers them.

    Example: dlpuconv compare old.artpec8.tflite new.artpec8.tflite --target artpec8 --data images/
    """
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.cli.parsing import names, numbers, shapes
    from dlpuconv.contrast import contrast, open_file
    from dlpuconv.errors import UsageError
    from dlpuconv.option_values import make_request
    from dlpuconv.registry import load_target

    if reference is not None and data is None:
        raise UsageError("--reference needs --data: a comparison of answers takes samples")
    chip = load_target(target) if target else None
    files = open_file(a), open_file(b)
    request = make_request(
        targets=(target or "",),
        input_shape=shapes(input_shape),
        cut_at=names(cut_at),
        resize=resize or "stretch",
        color=color or "rgb",
        mean=numbers("mean", mean),
        std=numbers("std", std),
        preset=preset,
    )
    if all(option is None for option in (resize, color, mean, std, preset)):
        recorded = (recorded_preprocessing(file.sidecar) for file in files)
        request = replace(request, preprocessing=next(filter(None, recorded), request.preprocessing))
    trial, warnings = _trial(files, data, reference, request) if data is not None else (None, ())
    found = contrast(*files, chip, trial)
    found = replace(found, warnings=(*found.warnings, *warnings))
    if json:
        print_json(found.to_json())
    else:
        from dlpuconv.contrast.text import contrast_text

        show(*contrast_text(printable(found)))


def _trial(
    files: tuple[Opened, Opened], data: str, reference: Path | None, request: Request
) -> tuple[Trial, tuple[str, ...]]:
    """What both are run on, and what there is to say of it."""
    from dlpuconv.calibration import open_calibration
    from dlpuconv.calibration.open import is_made_up
    from dlpuconv.cli.console import TerminalProgress
    from dlpuconv.contrast import Trial, signature_of
    from dlpuconv.errors import CalibrationError

    sidecar = next((file.sidecar for file in files if file.sidecar is not None), None)
    source = read_reference(reference, request, sidecar) if reference else None
    signature = signature_of(source, files)
    found = open_calibration(
        None,
        validation=data,
        signature=signature,
        preprocessing=request.preprocessing,
        progress=TerminalProgress(),
    )
    if found is None:
        raise CalibrationError("there are no samples to compare the files on")
    trial = Trial(
        samples=found.held_out,
        signature=signature,
        reference=source,
        raw_pixels=Path(data).is_dir() and not request.preprocessing.stated,
        calibrated=not is_made_up(data),
    )
    return trial, found.warnings
