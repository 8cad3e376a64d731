"""The Python entry points: `convert`, `check` and `analyze`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dlpuconv.option_values import make_request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import onnx
    import onnx_ir
    import torch

    from dlpuconv.analysis import Analysis
    from dlpuconv.calibration.open import Source
    from dlpuconv.checkup import Checkup
    from dlpuconv.conversion import Conversion
    from dlpuconv.progress import Progress
    from dlpuconv.quantization import Recipe
    from dlpuconv.quantization.metric import MetricFunction

    type ModelLike = (
        str | Path | bytes | onnx.ModelProto | onnx_ir.Model | torch.nn.Module | torch.export.ExportedProgram
    )


def convert(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv convert`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source | None = None,
    validation: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: Sequence[str] = (),
    resize: str = "stretch",
    color: str = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: str | None = None,
    fold_preprocess: str | None = None,
    granularity: str | None = None,
    overrides: Mapping[str, str] | None = None,
    input_dtype: str = "uint8",
    output_dtype: str = "uint8",
    input_layout: str | None = None,
    opset: int | None = None,
    split_outputs: str = "auto",
    effort: str = "balanced",
    recipe: str | Path | Recipe | None = None,
    metric: MetricFunction | str | None = None,
    max_drop: float | None = None,
    backend: str | None = None,
    min_sqnr: float | None = None,
    report: bool = False,
    cache: bool = True,
    progress: Progress | None = None,
) -> Conversion:
    """Convert a network for one or several chips, and verify every file.

    Args:
        model: path of an `.onnx` file, its bytes, a `ModelProto`, an `onnx_ir.Model`, an `nn.Module` (with
            `example_inputs`; it is only read), an `ExportedProgram`, or the path of a `.pt2` file that holds one.
        target: `artpec7`, `artpec8`, `artpec9`, `cv25`, or any other that `dlpuconv targets` lists.
        calibration: a folder of images, an `.npz` or `.npy`, arrays by input name ([N, ...] in the source model's
            layout), a torch Dataset, DataLoader or Subset, or any other iterable of samples or batches: arrays, tuples
            whose first elements are the inputs, or dicts, of which an array of another name feeds an input where
            nothing else has its shape. Labels are left alone. 100 to 500 samples are enough; of more than 10,000 so
            many are read, evenly spread, or the first ones of what can only be iterated over. Without data:
            `"none"` for ranges of made-up samples and of the model's batch normalizations, `"random"` to try a
            conversion.
        validation: data for parity; every fifth calibration sample if None.
        example_inputs: what the forward of an `nn.Module` takes, batch first: a tensor, a tuple of positional arguments
            (its last may be a dict of further ones by name), or a dict of arguments by name.
        input_names: for the inputs of a PyTorch model, in order; the names of the arguments if empty.
        output_names: for its outputs, likewise; the keys of a dict, namedtuple or dataclass if empty.
        input_shape: static shape by input name.
        cut_at: values that become the outputs.
        resize: `stretch`, `letterbox` or `center-crop`.
        color: channel order that the network was trained on: `rgb`, `bgr` or `gray`.
        mean: in 0-255 units, one or one a channel, in the network's order.
        std: in 0-255 units, likewise.
        preset: `imagenet`, `0-1`, `-1-1` or `0-255` instead of mean and std.
        fold_preprocess: where a stated normalization goes: `conv`, `op` or `off`.
        granularity: of weights: `per-tensor`, `per-channel`, or `auto` for per tensor with exceptions for the layers
            that need them; the chip's own preference if None.
        overrides: granularity by name or glob of layers: PyTorch module, ONNX node or value, tensor of the file.
        input_dtype: `uint8` or `int8`.
        output_dtype: `uint8` or `int8`.
        input_layout: `nhwc` (what cameras deliver) or `nchw`.
        opset: of an ONNX artifact.
        split_outputs: `auto` (an output whose parts differ too much in range for one scale becomes several) or `off`.
        effort: `fast`, `balanced` or `best`.
        recipe: a `dlpuconv.quantization.Recipe`, or the path of a `.recipe.toml` as written beside a result, to follow
            instead of a search.
        metric: scores a network on data of your own, or `module:function`. It is called with `predict`, which maps a
            dict of input arrays as the source model takes them to a dict of its outputs, once for the float model and
            once for each recipe that is tried, and returns a number, higher is better, by which recipes are compared.
        max_drop: how much lower than the float model's score the file's may be, in the metric's own unit: the search
            ends with the first recipe that keeps to it, and verification fails if none does.
        backend: another backend than the target's own, such as `tensorflow`.
        min_sqnr: dB on the final outputs below which verification fails; None for the chip's own: 10, or 100 for
            float files.
        report: look at every layer too, so that `conversion[target].to_html()` gives the report.
        cache: keep calibration statistics in the user's cache folder.
        progress: where long work reports.

    Returns:
        Verified files in memory; `.save(folder)` writes them. Targets that have none, while others do, are in
        `.failures`.

    Raises:
        DlpuconvError: the model, the data or an option cannot be used, or a tool or plugin failed for every target.
    """
    from dlpuconv.pipeline import convert as run
    from dlpuconv.run import Data

    request = make_request(
        targets=(target,) if isinstance(target, str) else tuple(target),
        input_shape={name: tuple(shape) for name, shape in (input_shape or {}).items()},
        cut_at=tuple(cut_at),
        input_names=_names(input_names),
        output_names=_names(output_names),
        resize=resize,
        color=color,
        mean=_values(mean),
        std=_values(std),
        preset=preset,
        fold_preprocess=fold_preprocess,
        granularity=granularity,
        overrides=tuple(f"{pattern}={value}" for pattern, value in (overrides or {}).items()),
        input_dtype=input_dtype,
        output_dtype=output_dtype,
        input_layout=input_layout,
        opset=opset,
        split_outputs=split_outputs,
        effort=effort,
        recipe=recipe,
        metric=metric,
        max_drop=max_drop,
        backend=backend,
        min_sqnr=min_sqnr,
        layers=report,
        cache=cache,
    )
    data = Data(calibration=calibration, validation=validation, example_inputs=example_inputs)
    return run(model, request, data, progress)


def analyze(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv analyze`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source,
    validation: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: Sequence[str] = (),
    resize: str = "stretch",
    color: str = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: str | None = None,
    fold_preprocess: str | None = None,
    granularity: str | None = None,
    overrides: Mapping[str, str] | None = None,
    effort: str = "balanced",
    recipe: str | Path | Recipe | None = None,
    cache: bool = True,
    progress: Progress | None = None,
) -> tuple[Analysis, ...]:
    """Quantize a model as `convert` would, and measure what each layer loses.

    Args:
        model: see `convert`, as for all that is not told here.
        target: one or several chips; each gets an analysis.
        calibration: samples; those held out, or `validation`, are what the layers are measured on.
        validation: see `convert`.
        example_inputs: see `convert`.
        input_names: see `convert`.
        output_names: see `convert`.
        input_shape: see `convert`.
        cut_at: see `convert`.
        resize: see `convert`.
        color: see `convert`.
        mean: see `convert`.
        std: see `convert`.
        preset: see `convert`.
        fold_preprocess: see `convert`.
        granularity: see `convert`.
        overrides: see `convert`.
        effort: see `convert`.
        recipe: see `convert`.
        cache: see `convert`.
        progress: see `convert`.

    Returns:
        For each target its layers, the worst first.

    Raises:
        DlpuconvError: the model, the data or an option cannot be used, a tool failed, or the target's backend cannot
            tell what layers lose.
    """
    from dlpuconv.diagnosis import analyze as run
    from dlpuconv.run import Data

    request = make_request(
        targets=(target,) if isinstance(target, str) else tuple(target),
        input_shape={name: tuple(shape) for name, shape in (input_shape or {}).items()},
        cut_at=tuple(cut_at),
        input_names=_names(input_names),
        output_names=_names(output_names),
        resize=resize,
        color=color,
        mean=_values(mean),
        std=_values(std),
        preset=preset,
        fold_preprocess=fold_preprocess,
        granularity=granularity,
        overrides=tuple(f"{pattern}={value}" for pattern, value in (overrides or {}).items()),
        effort=effort,
        recipe=recipe,
        cache=cache,
    )
    data = Data(calibration=calibration, validation=validation, example_inputs=example_inputs)
    return run(model, request, data, progress)


def check(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv check`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: Sequence[str] = (),
    resize: str = "stretch",
    color: str = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: str | None = None,
    fold_preprocess: str | None = None,
    input_layout: str | None = None,
    opset: int | None = None,
    progress: Progress | None = None,
) -> tuple[Checkup, ...]:
    """Tell what chips would make of a model, before it is converted: no samples are needed, no file is made.

    Args:
        model: see `convert`, as for all that is not told here.
        target: one or several chips; each gets a checkup.
        calibration: see `convert`; samples tell whether the stated normalization suits the network.
        example_inputs: see `convert`.
        input_names: see `convert`.
        output_names: see `convert`.
        input_shape: see `convert`.
        cut_at: see `convert`.
        resize: see `convert`.
        color: see `convert`.
        mean: see `convert`.
        std: see `convert`.
        preset: see `convert`.
        fold_preprocess: see `convert`.
        input_layout: see `convert`.
        opset: see `convert`.
        progress: see `convert`.

    Returns:
        For each target whether the model can be converted and run, where each layer would run, and what would help.

    Raises:
        DlpuconvError: the model or an option cannot be used, a tool failed, or the target's backend cannot tell.
    """
    from dlpuconv.precheck import check as run
    from dlpuconv.run import Data

    request = make_request(
        targets=(target,) if isinstance(target, str) else tuple(target),
        input_shape={name: tuple(shape) for name, shape in (input_shape or {}).items()},
        cut_at=tuple(cut_at),
        resize=resize,
        input_names=_names(input_names),
        output_names=_names(output_names),
        color=color,
        mean=_values(mean),
        std=_values(std),
        preset=preset,
        fold_preprocess=fold_preprocess,
        input_layout=input_layout,
        opset=opset,
    )
    data = Data(calibration=calibration, example_inputs=example_inputs)
    return run(model, request, data, progress)


def _values(value: float | Sequence[float] | None) -> tuple[float, ...] | None:
    if value is None:
        return None
    return (float(value),) if isinstance(value, int | float) else tuple(map(float, value))


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
