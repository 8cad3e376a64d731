"""The options of the commands, each declared once: its name, its help, its completion."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlpuconv.registry import backend_names, target_names

_SOURCE = "Model"
_DATA = "Data and preprocessing"
_NUMBERS = "Numbers"
_RESULT = "Result"


def complete_target(incomplete: str) -> list[str]:
    """Installed targets that begin with what was typed."""
    return [name for name in target_names() if name.startswith(incomplete)]


def complete_backend(incomplete: str) -> list[str]:
    """Installed backends that begin with what was typed."""
    return [name for name in backend_names() if name.startswith(incomplete)]


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the target's rules that begin with what was typed; of every target's where none was given yet."""
    from dlpuconv.registry import list_targets
    from dlpuconv.verification.rules import UNIVERSAL_RULES

    named = context.params.get("target")
    targets = [entry.target for entry in list_targets() if entry.target and named in (None, entry.name)]
    ids = {rule.id for rules in (UNIVERSAL_RULES, *(target.rules for target in targets)) for rule in rules}
    return sorted(name for name in ids if name.startswith(incomplete.upper()))


Model = Annotated[Path, typer.Argument(help="The .onnx file, or a .pt2 file of torch.export.save.", show_default=False)]
Targets = Annotated[
    list[str],
    typer.Option(
        "--target",
        "-t",
        help="Chip to convert for; may be repeated.",
        autocompletion=complete_target,
        show_default=False,
    ),
]
Calibration = Annotated[
    str | None,
    typer.Option(
        help="A folder of about 100 images, an .npz/.npy with the model's own input values, or 'none': ranges"
        " of made-up pictures and of the model's batch normalizations, for want of data.",
        show_default=False,
    ),
]
CheckedData = Annotated[
    str | None,
    typer.Option(
        "--calibration",
        help="Samples as for convert: they tell whether the stated normalization suits the network.",
        show_default=False,
    ),
]
Validation = Annotated[
    str | None,
    typer.Option(
        help="Data for the comparison with the float model. [default: every fifth sample]", show_default=False
    ),
]
InputShape = Annotated[
    list[str] | None,
    typer.Option(help="NAME=1,3,224,224: binds or changes an input's shape; may be repeated.", show_default=False),
]
CutAt = Annotated[
    str | None,
    typer.Option(help="NAME,...: end the graph at these values, which become the outputs.", show_default=False),
]
ResizeMode = Annotated[str, typer.Option("--resize", help="stretch, letterbox or center-crop.")]
ColorOrder = Annotated[str, typer.Option("--color", help="What the network was trained on: rgb, bgr or gray.")]
Mean = Annotated[
    str | None, typer.Option(help="One value or one a channel, in 0-255 units: 123.7,116.3,103.5", show_default=False)
]
Std = Annotated[str | None, typer.Option(help="Like --mean.", show_default=False)]
Preset = Annotated[
    str | None, typer.Option(help="imagenet, 0-1, -1-1 or 0-255, instead of --mean and --std.", show_default=False)
]
FoldPreprocess = Annotated[
    str | None,
    typer.Option(
        help="Where --mean and --std go, so that the file takes raw pixels: conv, op or off."
        " [default: conv; op for cv25]",
        show_default=False,
    ),
]
GranularityOption = Annotated[
    str | None,
    typer.Option(
        "--granularity",
        help="Of weights: per-tensor, per-channel, or auto: per tensor but for the layers that lose by it."
        " [default: the chip's]",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        help="GLOB=GRANULARITY for the layers of that name (PyTorch module, ONNX node or value, tensor of the file);"
        " may be repeated.",
        show_default=False,
    ),
]
EffortOption = Annotated[
    str,
    typer.Option(
        "--effort", help="How many recipes are tried: fast (none: corrected biases), balanced (six) or best (all)."
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option(
        "--recipe", help="A recipe's .toml, as written beside a result, instead of a search.", show_default=False
    ),
]
MetricOption = Annotated[
    str | None,
    typer.Option(
        "--metric",
        help="MODULE:FUNCTION that scores a network on your own data, by which recipes are compared: called with"
        " predict (dict of inputs -> dict of outputs, as in the model), it returns a number, higher is better.",
        show_default=False,
    ),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        help="Most that the file may score below the float model, in the metric's unit: stops the search when kept,"
        " fails verification when not.",
        show_default=False,
    ),
]
InputDtype = Annotated[str, typer.Option(help="uint8 or int8.")]
OutputDtype = Annotated[str, typer.Option(help="uint8 or int8.")]
InputLayout = Annotated[
    str | None, typer.Option(help="nhwc, as cameras deliver, or nchw. [default: nhwc for images]", show_default=False)
]
Opset = Annotated[int | None, typer.Option(help="Of an ONNX artifact. [default: 13]", show_default=False)]
SplitOutputs = Annotated[
    str,
    typer.Option(
        help="auto: an output whose parts differ too much in range for one scale (boxes in pixels beside scores)"
        " becomes several; or off."
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help="Instead of the target's own, such as tensorflow.",
        autocompletion=complete_backend,
        show_default=False,
    ),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace existing files.")]
Reference = Annotated[
    Path | None,
    typer.Option(help="The float .onnx that the file was made from, to compare with.", show_default=False),
]
ComparedData = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="Samples for the comparison: a folder of images, .npz or .npy; a package ships its own.",
        show_default=False,
    ),
]
RecordedResize = Annotated[
    str | None,
    typer.Option("--resize", help="stretch, letterbox or center-crop. [default: the manifest's]", show_default=False),
]
RecordedColor = Annotated[
    str | None,
    typer.Option(
        "--color",
        help="What the network was trained on: rgb, bgr or gray. [default: the manifest's]",
        show_default=False,
    ),
]
MinSqnr = Annotated[
    float | None,
    typer.Option(
        help="dB on the outputs below which verification fails. [default: the chip's: 10, or 100 for float files]",
        show_default=False,
    ),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep calibration statistics.")]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report",
        help="One HTML page with all there is to know, such as out.html; it replaces an older report.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; messages go to stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no next steps.")]
