"""`dlpuconv check`: what a chip would make of a model, before it is converted."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.language.printable import printable


def check(
    model: opt.Model,
    target: opt.Targets,
    calibration: opt.CheckedData = None,
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
    input_layout: opt.InputLayout = None,
    opset: opt.Opset = None,
    top: Annotated[
        int, opt.top("Number of layers to show: those with the most MACs, besides all that run on the CPU; 0 for all.")
    ] = 15,
    explain: Annotated[
        bool,
        opt.flag(
            "--explain",
            help="Also show how the model was rewritten, layer by layer, and which rewrites were not possible and why.",
        ),
    ] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Tell, before a conversion, how a chip would run a model.

    It tells whether the chip can run the model, which layers run on its DLPU and which on the CPU, and what would help.
    No data are needed, and no file is written. With samples (--calibration) it also tells whether the stated
    normalization fits the network. Scales are not known before a conversion. So rules about scales are only checked by
    `convert`, and a layer that depends on them may be placed differently then. Exit status: 0 the chip runs the model,
    1 the chip would refuse it, 5 it cannot be converted; with several chips the highest of them.

    Example: dlpuconv check model.onnx --target artpec8 --target artpec9
    """
    from dlpuconv.cli.console import CommandProgress, print_json, show
    from dlpuconv.cli.parsing import names, numbers, shapes
    from dlpuconv.workflow.check import check as run
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
        input_layout=input_layout,
        opset=opset,
    )
    found = run(model, request, Data(calibration=calibration), CommandProgress(quiet=quiet or json), explained=explain)
    if json:
        print_json({"checks": [checkup.to_json() for checkup in found]})
    else:
        from dlpuconv.checkup.check_text import checkup_text
        from dlpuconv.checkup.explanation_text import explanations_text

        for number, checkup in enumerate(found):
            show(*([""] if number else []), *checkup_text(printable(checkup), top))
        show(*explanations_text([printable(checkup) for checkup in found], top))
    if status := max(checkup.status for checkup in found):
        raise typer.Exit(status)
