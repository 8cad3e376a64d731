"""`dlpuconv verify`: any file, ours or not, judged for one chip."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.cli.reference import read_reference, recorded_preprocessing
from dlpuconv.printable import printable

if TYPE_CHECKING:
    from dlpuconv.calibration import Calibration
    from dlpuconv.ir import Model
    from dlpuconv.plugin import Backend, Target
    from dlpuconv.request import Request
    from dlpuconv.verification import Question, Report
    from dlpuconv.verification.sidecar import Sidecar

Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        help="Id of a rule that shall not count; may be repeated.",
        autocompletion=opt.complete_rule,
        show_default=False,
    ),
]
Firmware = Annotated[
    str | None,
    typer.Option(
        "--firmware",
        help="AXIS OS that the file shall run on, such as 11.11.73: checks the versions of its ops.",
        show_default=False,
    ),
]


def verify(
    file: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a CV25 package.", show_default=False)],
    target: Annotated[
        str,
        typer.Option("--target", "-t", help="The chip.", autocompletion=opt.complete_target, show_default=False),
    ],
    reference: opt.Reference = None,
    data: opt.ComparedData = None,
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    resize: opt.RecordedResize = None,
    color: opt.RecordedColor = None,
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    min_sqnr: opt.MinSqnr = None,
    ignore: Ignore = None,
    firmware: Firmware = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail as well.")] = False,
    report: opt.ReportFile = None,
    json: opt.Json = False,
) -> None:
    """Check whether a chip will run a file as it should, and whether it still computes the same as its source.

    Images for the comparison are preprocessed as the manifest beside the file says, unless one of --resize, --color,
    --mean, --std and --preset is given: then those alone count.

    Example: dlpuconv verify model.artpec8.tflite --target artpec8 --reference model.onnx --data images/
    """
    from dlpuconv.cli.console import print_json, show
    from dlpuconv.cli.parsing import names, numbers, shapes, version
    from dlpuconv.formats.detect import is_known
    from dlpuconv.option_values import make_request
    from dlpuconv.registry import load_target
    from dlpuconv.reporting.files import check_report
    from dlpuconv.verification import Question, render_report, verify_file
    from dlpuconv.verification.sidecar import find_sidecar

    if report:
        check_report(report)
    chip = load_target(target)
    request = make_request(
        targets=(target,),
        input_shape=shapes(input_shape),
        cut_at=names(cut_at),
        resize=resize or "stretch",
        color=color or "rgb",
        mean=numbers("mean", mean),
        std=numbers("std", std),
        preset=preset,
        min_sqnr=min_sqnr,
        ignore=tuple(ignore or ()),
        strict=strict,
    )
    stated = any(option is not None for option in (resize, color, mean, std, preset))
    sidecar = find_sidecar(file) if reference else None
    if not stated and (recorded := recorded_preprocessing(sidecar)):
        request = replace(request, preprocessing=recorded)
    source, samples = _comparison(reference, data, request, sidecar, ships_samples=file.is_dir())
    question = Question(
        reference=source,
        samples=samples.held_out if samples else None,
        calibrated=data is None or not _is_made_up(data),
        min_sqnr=request.verification.min_sqnr,
        firmware=version("firmware", firmware),
        ignore=request.verification.ignore,
        strict=request.verification.strict,
        warnings=samples.warnings if samples else (),
        backend=None if is_known(file) else _backend(chip.backend),
        layers=True,
    )
    found = verify_file(file, chip, question)
    if report:
        _write_report(report, file, found, chip, question)
    if json:
        print_json(found.to_json())
    else:
        show(render_report(printable(found)))
    if not found.passed:
        raise typer.Exit(1)


def _is_made_up(data: str) -> bool:
    from dlpuconv.calibration.open import is_made_up

    return is_made_up(data)


def _write_report(place: Path, file: Path, found: Report, chip: Target, question: Question) -> None:
    """The page of a file that was verified."""
    from dlpuconv.formats.detect import read
    from dlpuconv.reporting import Material, make_page, render, size_of, write_report
    from dlpuconv.verification import least_db
    from dlpuconv.verification.naming import with_names
    from dlpuconv.verification.sidecar import find_sidecar

    view = (question.backend.read if question.backend else read)(file)
    sidecar = find_sidecar(file, view)
    view = with_names(view, sidecar.layers if sidecar else (), question.reference)
    material = Material(
        report=printable(found),
        view=printable(view),
        target=chip,
        size=size_of(file),
        sidecar=printable(sidecar),
        asked_db=least_db(chip, question.min_sqnr, found.parity),
    )
    write_report({place: render(make_page(material))})


def _backend(name: str) -> Backend | None:
    """The target's backend, which may know formats of its own; None where its libraries are missing.

    What every installation can read needs no backend (`is_known`), and a comparison says itself which library it needs.
    """
    from dlpuconv.errors import MissingDependencyError
    from dlpuconv.registry import load_backend

    try:
        return load_backend(name)()
    except MissingDependencyError:
        return None


def _comparison(
    reference: Path | None, data: str | None, request: Request, sidecar: Sidecar | None, *, ships_samples: bool
) -> tuple[Model | None, Calibration | None]:
    """The float model and the samples to compare on; all of them are held out, since nothing is calibrated here.

    A package ships samples of its own, on which it is compared where no others are given.
    """
    from dlpuconv.errors import UsageError

    if reference is not None and data is None and ships_samples:
        return read_reference(reference, request, sidecar), None
    if (reference is None) != (data is None):
        missing, given = ("--data", "--reference") if data is None else ("--reference", "--data")
        raise UsageError(f"{given} needs {missing}: a comparison takes the float model and samples")
    if reference is None:
        return None, None
    from dlpuconv.calibration import open_calibration
    from dlpuconv.cli.console import TerminalProgress

    source = read_reference(reference, request, sidecar)
    return source, open_calibration(
        None,
        validation=data,
        signature=source.signature,
        preprocessing=request.preprocessing,
        progress=TerminalProgress(),
    )
