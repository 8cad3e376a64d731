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
    top: Annotated[int, opt.top("Layers to show: those with the most MACs, and all of the CPU; 0 for all.")] = 15,
    explain: Annotated[
        bool,
        opt.flag(
            "--explain", help="Also show how the model was rewritten, layer by layer, and what was not done and why."
        ),
    ] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Tell, before a conversion, how a chip would run a model.

    Whether it can run it at all, which layers its DLPU takes, and what would help. No data are needed and nothing is
    written; samples (--calibration) tell as well whether the stated normalization is the one that the network was
    trained with. Scales are not known before a conversion: what depends on them is said of the converted file, and a
    layer whose place depends on them may be placed otherwise in the end. Exit status: 0 it runs, 1 the chip would
    refuse it, 5 no conversion exists; the highest of several chips'.

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
