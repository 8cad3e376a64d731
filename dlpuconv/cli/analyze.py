"""`dlpuconv analyze`: which layers of the quantized network lose the signal, why, and what helps."""

from __future__ import annotations

from typing import Annotated

import typer

from dlpuconv.cli import options as opt
from dlpuconv.language.printable import printable


def analyze(
    model: opt.Model,
    target: opt.Targets,
    calibration: opt.Calibration = None,
    validation: opt.Validation = None,
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
    overlay: opt.Overlay = None,
    no_cache: opt.NoCache = False,
    top: Annotated[int, opt.top("Number of layers to show, the worst first; 0 for all.")] = 15,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Tell which layers lose accuracy by quantization, and why.

    It also tells what may help. The model is quantized as by `convert`, but no model file is written. --json has all
    layers.

    Example: dlpuconv analyze model.onnx --target artpec8 --calibration images/ --preset imagenet
    """
    from dlpuconv.analysis.blame_text import analysis_table
    from dlpuconv.cli.console import CommandProgress, fail, print_json, show
    from dlpuconv.cli.parsing import names, numbers, shapes
    from dlpuconv.reporting import check_overlays, write_overlays
    from dlpuconv.workflow.analyze import analyze as run
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
        effort=effort,
        recipe=recipe,
        cache=not no_cache,
    )
    if overlay:
        for name in request.targets:
            check_overlays(overlay, f"{model.stem}.{name}")
    progress = CommandProgress(quiet=quiet or json)
    done = run(model, request, Data(calibration=calibration, validation=validation), progress)
    if overlay:
        for analysis in done.found:
            write_overlays(overlay, f"{model.stem}.{analysis.target}", analysis.overlays())
    if json:
        print_json(
            {
                "analyses": [analysis.to_json() for analysis in done.found],
                "failures": [failure.to_json() for failure in done.failures],
            }
        )
    else:
        for analysis in done.found:
            show(*analysis_table(printable(analysis), top))
    for failure in done.failures:
        fail(f"{failure.target}: {failure.error}", failure.error.id)
    if done.failures:
        raise typer.Exit(max(failure.error.status for failure in done.failures))
