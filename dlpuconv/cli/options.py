"""The options of the commands, each declared once: its name, its help, its panel, its completion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAliasType

import typer

from dlpuconv.cli.help import CHECKS, DATA, MODEL, NUMBERS, PORTS, RESULT, WORK
from dlpuconv.language import choices
from dlpuconv.registry import backend_names, target_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def option(*names: str, help: str, panel: str, default: str = "", **more: Any) -> Any:  # noqa: A002 - typer's word
    """An option with a value; its default is told in words."""
    told = f"{help} [default: {default}]" if default else help
    return typer.Option(*names, help=told, rich_help_panel=panel, show_default=False, **more)


def choice(*names: str, of: TypeAliasType, help: str, panel: str, default: str = "") -> Any:  # noqa: A002
    """An option that takes one of several words: they are its metavar, and are completed."""
    known = choices.words(of)
    shown = "|".join(known)
    return option(*names, help=help, panel=panel, default=default, metavar=shown, autocompletion=completion(known))


def flag(*names: str, help: str, panel: str = RESULT) -> Any:  # noqa: A002
    """An option without a value."""
    return typer.Option(*names, help=help, rich_help_panel=panel)


def top(help: str) -> Any:  # noqa: A002
    """How many layers are shown."""
    return option("--top", help=help, panel=RESULT, default="15", metavar="NUMBER", min=0)


def completion(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Completes to those of the known words that begin with what was typed."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in known if word.startswith(incomplete)]

    return complete


def complete_target(incomplete: str) -> list[str]:
    """Installed targets that begin with what was typed, after the last comma."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in target_names() if name.startswith(last)]


def complete_backend(incomplete: str) -> list[str]:
    """Installed backends that begin with what was typed."""
    return [name for name in backend_names() if name.startswith(incomplete)]


def complete_override(incomplete: str) -> list[str]:
    """The granularities, once the layers are named."""
    layers, equals, last = incomplete.rpartition("=")
    known = choices.words(choices.Granularity) if equals else ()
    return [f"{layers}={word}" for word in known if word.startswith(last)]


def complete_output_kind(incomplete: str) -> list[str]:
    """The kinds, once the output is named."""
    name, equals, last = incomplete.rpartition("=")
    known = choices.words(choices.OutputKind) if equals else ()
    return [f"{name}={word}" for word in known if word.startswith(last)]


def complete_data(incomplete: str) -> list[str]:
    """The words that stand for data, once one is begun; before, and otherwise, the shell completes files."""
    return [word for word in ("none", "random") if incomplete and word.startswith(incomplete)]


def complete_rule(context: typer.Context, incomplete: str) -> list[str]:
    """Ids of the target's rules that begin with what was typed; of every target's where none was given yet."""
    from dlpuconv.registry import list_targets
    from dlpuconv.verification.rules import UNIVERSAL_RULES

    named = context.params.get("target")
    targets = [entry.target for entry in list_targets() if entry.target and named in (None, entry.name)]
    ids = {rule.id for rules in (UNIVERSAL_RULES, *(target.rules for target in targets)) for rule in rules}
    return sorted(name for name in ids if name.startswith(incomplete.upper()))


Model = Annotated[
    Path,
    typer.Argument(
        help="The .onnx, .tflite, .keras or .h5 file, a SavedModel's folder, a .pt2 file of torch.export.save, or a"
        " file of torch.save (see --model).",
        show_default=False,
    ),
]
Factory = Annotated[
    str,
    option(
        "--model",
        help="For a PyTorch file of weights (a state dict): your function without arguments that returns the"
        " torch.nn.Module to load them into. Only tensors are read from the file. State the module's input with"
        " --input-shape.",
        panel=MODEL,
        metavar="MODULE:FUNCTION",
    ),
]
AllowPickle = Annotated[
    bool,
    flag(
        "--allow-pickle",
        help="Read a PyTorch file that holds more than tensors, such as a whole module. Such a file is a Python"
        " pickle: reading it runs any code that its author has put into it, with your rights.",
        panel=MODEL,
    ),
]
Signature = Annotated[
    str,
    option(
        "--signature",
        help="Which function of a SavedModel is meant, if it has several. [default: serving_default, or the only one]",
        panel=MODEL,
        metavar="NAME",
    ),
]
Targets = Annotated[
    list[str],
    option(
        "--target",
        "-t",
        help="Chip or runtime to convert for; for several, repeat the option or separate them by commas. `dlpuconv"
        " targets` lists them. Or the path of a .toml file that describes a chip of your own.",
        panel=MODEL,
        metavar="CHIP",
        autocompletion=complete_target,
    ),
]
OneTarget = Annotated[
    str,
    option(
        "--target",
        "-t",
        help="The chip or runtime, or a .toml file that describes one. `dlpuconv targets` lists them.",
        panel=MODEL,
        metavar="CHIP",
        autocompletion=complete_target,
    ),
]
ExaminedTargets = Annotated[
    list[str] | None,
    option(
        "--target",
        "-t",
        help="Chips or runtimes that must be ready: repeat the option, or separate them by commas.",
        panel=MODEL,
        default="all installed targets, none of which must be ready",
        metavar="CHIP",
        autocompletion=complete_target,
    ),
]
PlacementTarget = Annotated[
    str | None,
    option(
        "--target",
        "-t",
        help="A chip or runtime: also shows where each layer would run on it.",
        panel=MODEL,
        metavar="CHIP",
        autocompletion=complete_target,
    ),
]
InputShape = Annotated[
    list[str] | None,
    option(
        "--input-shape",
        help="Sets the shape of an input, such as images=1,3,640,640; may be repeated.",
        panel=MODEL,
        metavar="NAME=SHAPE",
    ),
]
CutAt = Annotated[
    str | None,
    option(
        "--cut-at",
        help="End the source model's graph at these values, which become the outputs.",
        panel=MODEL,
        metavar="NAME,...",
    ),
]
Tail = Annotated[
    str | None,
    choice(
        "--tail",
        of=choices.Tail,
        help="What to do with operators that cannot be converted for the chip. auto: divide the network, so that the"
        " chip gets the part before them, and the rest becomes another model for the camera's CPU; off: refuse the"
        " network.",
        panel=MODEL,
        default="auto; off with --cut-at",
    ),
]
FinalActivation = Annotated[
    str,
    choice(
        "--final-activation",
        of=choices.FinalActivation,
        help="cut: leave a final Sigmoid or Softmax out of integer files, which then output logits, and let the"
        " application compute it for the few values that matter; auto: only if int8 probabilities would change the"
        " ranking of scores; keep: never.",
        panel=PORTS,
        default="auto",
    ),
]
BackendName = Annotated[
    str | None,
    option(
        "--backend",
        help="Convert by another backend than the target's default, such as tensorflow.",
        panel=MODEL,
        metavar="NAME",
        autocompletion=complete_backend,
    ),
]
Opset = Annotated[
    int | None,
    option(
        "--opset",
        help="ONNX version of the operators in an ONNX file: 11 to 20; 13 to 21 with QDQ.",
        panel=MODEL,
        default="13; 20 with QDQ, or 21 for 16-bit types",
        metavar="NUMBER",
    ),
]
Calibration = Annotated[
    str | None,
    option(
        "--calibration",
        help="A folder of about 100 images, or an .npz or .npy file with input values as the model takes them. If you"
        " have no data: 'none' measures ranges on synthetic images and from the statistics in the model's batch"
        " normalizations; 'random' only tests whether a model can be converted.",
        panel=DATA,
        metavar="DATA",
        autocompletion=complete_data,
    ),
]
CheckedData = Annotated[
    str | None,
    option(
        "--calibration",
        help="Samples as for convert; they are used to check whether the stated normalization fits the network.",
        panel=DATA,
        metavar="DATA",
        autocompletion=complete_data,
    ),
]
Validation = Annotated[
    str | None,
    option(
        "--validation",
        help="Data for the comparison with the float model.",
        panel=DATA,
        default="every fifth calibration sample, which is not used for calibration then",
        metavar="DATA",
        autocompletion=complete_data,
    ),
]
_RESIZE = "How images are resized to the size of the input."
_COLOR = "Order of the color channels that the network was trained with."
_RECORDED = "what the file's manifest says"
ResizeMode = Annotated[str, choice("--resize", of=choices.Resize, help=_RESIZE, panel=DATA, default="stretch")]
ColorOrder = Annotated[str, choice("--color", of=choices.Color, help=_COLOR, panel=DATA, default="rgb")]
RecordedResize = Annotated[
    str | None, choice("--resize", of=choices.Resize, help=_RESIZE, panel=DATA, default=_RECORDED)
]
RecordedColor = Annotated[str | None, choice("--color", of=choices.Color, help=_COLOR, panel=DATA, default=_RECORDED)]
Mean = Annotated[
    str | None,
    option(
        "--mean",
        help="Mean that is subtracted from pixels of 0-255: one value, or one for each channel, such as"
        " 123.7,116.3,103.5.",
        panel=DATA,
        metavar="NUMBERS",
    ),
]
Std = Annotated[
    str | None,
    option(
        "--std",
        help="Standard deviation by which pixels are divided after that; in the form of --mean.",
        panel=DATA,
        metavar="NUMBERS",
    ),
]
Preset = Annotated[
    str | None,
    choice(
        "--preset", of=choices.Preset, help="Name of a common normalization, instead of --mean and --std.", panel=DATA
    ),
]
FoldPreprocess = Annotated[
    str | None,
    choice(
        "--fold-preprocess",
        of=choices.FoldPreprocess,
        help="How --mean and --std become part of the network, so that the file takes raw pixels: folded into the"
        " first convolution, as an operator before it, or not at all.",
        panel=DATA,
        default="conv; op for float files",
    ),
]
GranularityOption = Annotated[
    str | None,
    choice(
        "--granularity",
        of=choices.GranularityOrAuto,
        help="Scales of weights: one for each layer, or one for each channel; auto: one for each layer, except for"
        " those layers that would lose too much accuracy.",
        panel=NUMBERS,
        default="the chip's",
    ),
]
Overrides = Annotated[
    list[str] | None,
    option(
        "--override",
        help="Another granularity for all layers that have a matching name (of the PyTorch module, ONNX node or value,"
        " or tensor in the file), such as 'head.*=per-channel'; may be repeated.",
        panel=NUMBERS,
        metavar="GLOB=GRANULARITY",
        autocompletion=complete_override,
    ),
]
EffortOption = Annotated[
    str,
    choice(
        "--effort",
        of=choices.Effort,
        help="How many ways of quantizing (recipes) are tried: fast uses equalization and bias correction and tries no"
        " others; balanced tries what helps most networks; best tries everything, in several rounds.",
        panel=NUMBERS,
        default="balanced",
    ),
]
RecipeFile = Annotated[
    Path | None,
    option(
        "--recipe",
        help="Quantize as this .recipe.toml says, which an earlier conversion wrote, instead of searching for a"
        " recipe.",
        panel=NUMBERS,
        metavar="FILE",
    ),
]
MetricOption = Annotated[
    str | None,
    option(
        "--metric",
        help="Your own Python function that scores a network on your data; recipes are compared by it. It is called"
        " with predict, a function from a dict of input arrays to a dict of output arrays, both as the source model"
        " has them, and returns a number; higher is better. The module is looked for among the installed ones first,"
        " then in the current folder.",
        panel=NUMBERS,
        metavar="MODULE:FUNCTION",
    ),
]
MaxDrop = Annotated[
    float | None,
    option(
        "--max-drop",
        help="How much the score of --metric may fall below the float model's, in the metric's own unit. The search"
        " ends with the first recipe that loses no more; if there is none, verification fails.",
        panel=NUMBERS,
        metavar="NUMBER",
    ),
]
NoCache = Annotated[
    bool,
    flag(
        "--no-cache", help="Do not use or fill the cache of calibration statistics and lowered networks.", panel=NUMBERS
    ),
]
_ITS_DTYPE = "the chip's default: uint8 for Axis' chips"
InputDtype = Annotated[
    str | None,
    choice("--input-dtype", of=choices.Dtype, help="Type of the file's inputs.", panel=PORTS, default=_ITS_DTYPE),
]
OutputDtype = Annotated[
    str | None,
    choice("--output-dtype", of=choices.Dtype, help="Type of the file's outputs.", panel=PORTS, default=_ITS_DTYPE),
]
InputLayout = Annotated[
    str | None,
    choice(
        "--input-layout",
        of=choices.InputLayout,
        help="Order of an image's axes; cameras deliver nhwc.",
        panel=PORTS,
        default="nhwc for images",
    ),
]
SplitInputs = Annotated[
    str,
    choice(
        "--split-inputs",
        of=choices.Splitting,
        help="auto: split an input whose parts differ so much in range that one scale does not fit them, such as two"
        " states of a recurrent network.",
        panel=PORTS,
        default="auto",
    ),
]
SplitOutputs = Annotated[
    str,
    choice(
        "--split-outputs",
        of=choices.Splitting,
        help="auto: split an output whose parts differ so much in range that one scale does not fit them, such as"
        " boxes in pixels joined with scores.",
        panel=PORTS,
        default="auto",
    ),
]
Reference = Annotated[
    Path | None,
    option(
        "--reference",
        help="The source model that the file was made from, in any form that convert takes, to compare it with.",
        panel=CHECKS,
        metavar="FILE",
    ),
]
ComparedData = Annotated[
    str | None,
    option(
        "--data",
        help="Samples for the comparison: a folder of images, an .npz or an .npy file. A package has its own.",
        panel=CHECKS,
        metavar="DATA",
        autocompletion=complete_data,
    ),
]
MinSqnr = Annotated[
    float | None,
    option(
        "--min-sqnr",
        help="Lowest signal-to-noise ratio of an output, in dB, with which verification passes.",
        panel=CHECKS,
        default="the chip's default: 10, or 100 for float files",
        metavar="DB",
    ),
]
OutputKinds = Annotated[
    list[str] | None,
    option(
        "--output-kind",
        help="What an output holds, if its graph does not tell: scores, classes, boxes, masks or embeddings, each of"
        " which is judged by its own measure, or values, which are judged by the signal-to-noise ratio; may be"
        " repeated.",
        panel=CHECKS,
        metavar="NAME=KIND",
        autocompletion=complete_output_kind,
    ),
]
Output = Annotated[
    Path,
    option("--output", "-o", help="Folder for the results.", panel=RESULT, default="this one", metavar="FOLDER"),
]
Force = Annotated[
    bool, flag("--force", "-f", help="Replace the files of an earlier conversion, which its manifest lists.")
]
ForceAll = Annotated[
    bool, flag("--force=all", help="Replace any file with the name of a result, but no input of the command.")
]
ReportFile = Annotated[
    Path | None,
    option(
        "--report",
        help="Write a report as one HTML page, such as out.html; an older report is replaced.",
        panel=RESULT,
        metavar="FILE",
    ),
]
Overlay = Annotated[
    Path | None,
    option(
        "--overlay",
        help="Write JSON files for Model Explorer, which colour its graph by the error of each layer alone, the error"
        " up to it, the spread of weight ranges, the placement on DLPU or CPU, and the MACs; older ones are replaced.",
        panel=RESULT,
        metavar="FOLDER",
    ),
]
Bom = Annotated[
    bool,
    flag(
        "--bom",
        help="Write a bill of materials (CycloneDX 1.6) beside each file: its source, samples and recipe,"
        " and the versions of all tools.",
    ),
]
Json = Annotated[bool, flag("--json", help="Print one JSON object on stdout, and only messages on stderr.")]
Quiet = Annotated[bool, flag("--quiet", "-q", help="Print the result and warnings only: no progress, no next steps.")]


def complete_condition(incomplete: str) -> list[str]:
    """The conditions of --fail-on, after the last comma."""
    before, comma, last = incomplete.rpartition(",")
    known = ("verdict", "missing", "drop=", "sqnr=", "size=", "time=")
    return [f"{before}{comma}{word}" for word in known if word.startswith(last)]


Jobs = Annotated[
    Path,
    typer.Argument(
        help="A .toml file that says which models, targets and options are combined.",
        show_default=False,
    ),
]
StorePlace = Annotated[
    str,
    option(
        "--store",
        help="Folder or URL of the batch's results, such as results or s3://bucket/results. Jobs that have a result"
        " there already are not run again.",
        panel=RESULT,
        default="what the file says",
        metavar="FOLDER|URL",
    ),
]
RecordStore = Annotated[
    str,
    option(
        "--store",
        help="The batch's store: a folder, a URL, or the file of jobs that names it.",
        panel=RESULT,
        metavar="FOLDER|URL|JOBS",
    ),
]
Executor = Annotated[
    str | None,
    option(
        "--executor",
        help="What runs the jobs: own (processes on this machine), dask (a new Dask cluster on this machine),"
        " dask://HOST:PORT (a running Dask cluster), or MODULE:FUNCTION, your own function that returns a"
        " concurrent.futures.Executor. The function runs with your rights.",
        panel=WORK,
        default="what the file says, or own",
        metavar="own|dask|dask://HOST:PORT|MODULE:FUNCTION",
        autocompletion=completion(("own", "dask", "dask://")),
    ),
]
Workers = Annotated[
    int | None,
    option(
        "--workers",
        help="Number of jobs that run at the same time.",
        panel=WORK,
        default="the executor's default",
        metavar="NUMBER",
    ),
]
ShardOption = Annotated[
    str,
    option(
        "--shard",
        help="Run only the i-th of n parts of the jobs, such as 1/4, so that several machines can share a batch.",
        panel=WORK,
        metavar="I/N",
    ),
]
MemoryLimit = Annotated[
    float | None,
    option(
        "--memory-limit",
        help="Memory that one job may take, in GiB.",
        panel=WORK,
        default="what the file says, or 8",
        metavar="GIB",
    ),
]
TimeLimit = Annotated[
    float | None,
    option(
        "--time-limit",
        help="Time that one job may take, in minutes.",
        panel=WORK,
        default="what the file says, or 60",
        metavar="MINUTES",
    ),
]
BatchReport = Annotated[
    bool,
    flag("--report", help="Also write a report of each job with all layers; the page of the batch links to it."),
]
BatchOutput = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        help="Folder for the results: a page of all jobs, JSON, CSV and JUnit XML, and the files of each job.",
        panel=RESULT,
        metavar="FOLDER",
    ),
]
Parquet = Annotated[bool, flag("--parquet", help="Write the results as Parquet into that folder, too.")]
DryRun = Annotated[bool, flag("--dry-run", help="List the jobs, and run none.")]
FailOn = Annotated[
    list[str] | None,
    option(
        "--fail-on",
        help="Conditions under which the exit status is 15, separated by commas: verdict (a verdict got worse),"
        " missing (a job is missing), drop=0.5 (the metric fell by more), sqnr=1 (fell by more dB), size=5%, time=20%"
        " (grew by more). Amounts are numbers or percentages; without an amount, any change for the worse counts.",
        panel=CHECKS,
        metavar="CONDITION,...",
        autocompletion=complete_condition,
    ),
]
SaveFiles = Annotated[
    Path | None, option("--save", help="Write the job's files into this folder.", panel=RESULT, metavar="FOLDER")
]
