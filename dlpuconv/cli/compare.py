"""`dlpuconv compare`: two files side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.language.printable import printable


def compare(
    a: Annotated[Path, typer.Argument(help="A .tflite or .onnx file, or a package folder.", show_default=False)],
    b: Annotated[Path, typer.Argument(help="Another one.", show_default=False)],
    target: opt.PlacementTarget = None,
    data: opt.ComparedData = None,
    reference: opt.Reference = None,
    factory: opt.Factory = "",
    allow_pickle: opt.AllowPickle = False,
    signature: opt.Signature = "",
    input_shape: opt.InputShape = None,
    cut_at: opt.CutAt = None,
    resize: opt.RecordedResize = None,
    color: opt.RecordedColor = None,
    mean: opt.Mean = None,
    std: opt.Std = None,
    preset: opt.Preset = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Show two files side by side.

    It compares sizes, operators, weights, inputs and outputs and, with --data, the outputs for the same samples.

    The second file's outputs are compared with the first one's and, with --reference, both with the float model's. The
    manifests beside the files say which inputs and outputs correspond. Without a manifest, they are matched by names
    and shapes, and an input takes raw pixels unless you state a normalization.

    Example: dlpuconv compare old.artpec8.tflite new.artpec8.tflite --target artpec8 --data images/
    """
    from dlpuconv.cli.console import CommandProgress, print_json, show
    from dlpuconv.cli.parsing import evidence
    from dlpuconv.workflow.compare import compare as run

    given = evidence(
        reference, data, input_shape, cut_at, resize, color, mean, std, preset, factory, allow_pickle, signature
    )
    found = run(a, b, target, given, CommandProgress(quiet=quiet or json))
    if json:
        print_json(found.to_json())
    else:
        from dlpuconv.contrast.contrast_text import contrast_text

        show(*contrast_text(printable(found)))
