"""The Python entry points: `convert`, `check`, `analyze`, `verify`, `compare`, `inspect`, `load`, `evaluate`, `batch`.

Each has one keyword for each option of the command of its name.
"""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dlpuconv.display.wording import InPython, in_python, python_words
from dlpuconv.errors import UsageError
from dlpuconv.workflow.option_values import make_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from concurrent.futures import Executor

    import keras
    import onnx
    import onnx_ir
    import torch

    from dlpuconv.analysis import Analysis
    from dlpuconv.batches import Batch, BatchJob
    from dlpuconv.calibration.open import Source
    from dlpuconv.checkup import Checkup
    from dlpuconv.contrast import Contrast
    from dlpuconv.display.progress import Progress
    from dlpuconv.frontends import SourceOptions
    from dlpuconv.language.choices import (
        Color,
        Dtype,
        Effort,
        FinalActivation,
        FoldPreprocess,
        Granularity,
        GranularityOrAuto,
        InputLayout,
        OutputKind,
        Preset,
        Resize,
        Splitting,
        Tail,
    )
    from dlpuconv.quantization import Recipe
    from dlpuconv.workflow.conversion import Conversion
    from dlpuconv.workflow.evaluate import DataMetric
    from dlpuconv.workflow.inspect import Inspection
    from dlpuconv.workflow.loaded import LoadedNetwork
    from dlpuconv.workflow.metric import MetricFunction
    from dlpuconv.workflow.reference import ComparisonData
    from dlpuconv.workflow.verify import Verification

    type ModelLike = (
        str
        | Path
        | bytes
        | onnx.ModelProto
        | onnx_ir.Model
        | torch.nn.Module
        | torch.export.ExportedProgram
        | keras.Model
    )
    type ModuleFactory = Callable[[], torch.nn.Module]
    type Shown = Progress | Literal["auto"] | None


def convert(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv convert`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source | None = None,
    validation: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    factory: ModuleFactory | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: str | Sequence[str] = (),
    tail: Tail | None = None,
    resize: Resize = "stretch",
    color: Color = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: Preset | None = None,
    fold_preprocess: FoldPreprocess | None = None,
    granularity: GranularityOrAuto | None = None,
    overrides: Mapping[str, Granularity] | None = None,
    input_dtype: Dtype | None = None,
    output_dtype: Dtype | None = None,
    input_layout: InputLayout | None = None,
    opset: int | None = None,
    split_inputs: Splitting = "auto",
    split_outputs: Splitting = "auto",
    final_activation: FinalActivation = "auto",
    effort: Effort = "balanced",
    recipe: str | Path | Recipe | None = None,
    metric: MetricFunction | str | None = None,
    max_drop: float | None = None,
    backend: str | None = None,
    min_sqnr: float | None = None,
    output_kinds: Mapping[str, OutputKind] | None = None,
    report: bool = False,
    bom: bool = False,
    cache: bool = True,
    progress: Shown = "auto",
) -> Conversion:
    """Convert a network for one or several chips, and verify every file.

    About 100 samples are enough for most networks; with fewer, there is a warning. At most 10,000 are read: evenly
    spread from a folder or an array, and the first ones of an iterable. They are kept in a temporary folder during the
    conversion, so that only one is in memory at a time, and an iterable is read once. A package for a chip's own
    compiler contains at most 200 of them.

    Args:
        model: path of an `.onnx` file, its bytes, a `ModelProto`, an `onnx_ir.Model`, an `nn.Module` (with
            `example_inputs`; it is only read), an `ExportedProgram`, or the path of a `.pt2` file that holds one; a
            `keras.Model`, the path of a `.keras` or `.h5` file, or of a SavedModel's folder; the path of a `.tflite`
            file, or its bytes.
        target: `artpec7`, `artpec8`, `artpec9`, `cv25`, any other target that `dlpuconv targets` lists, or the path of
            a `.toml` file that describes one.
        calibration: a folder of images, an `.npz` or `.npy`, arrays by input name ([N, ...] in the source model's
            layout), a torch Dataset, DataLoader or Subset, or any other iterable of samples or batches: arrays, tuples
            whose first elements are the inputs, or dicts. An input without an array of its name gets the only array
            with its shape. Labels are ignored. Without data: `"none"` measures ranges on synthetic samples and from the
            statistics in the model's batch normalizations; `"random"` only tests whether a model can be converted.
        validation: data for the comparison with the float model; if None, every fifth calibration sample.
        example_inputs: what the forward of an `nn.Module` takes, batch first: a tensor, a tuple of positional arguments
            (its last may be a dict of further ones by name), or a dict of arguments by name.
        input_names: names for the inputs of a PyTorch model, in order; if empty, the names of the arguments.
        output_names: names for its outputs, in order; if empty, the keys of the dict, namedtuple or dataclass.
        factory: for a file of `torch.save` that holds weights: a function without arguments, or `"module:function"`,
            that returns the module to load them into; state its input by `input_shape`. Only tensors are read from the
            file.
        allow_pickle: also read a file of `torch.save` that holds more, such as a whole module. It is a pickle: reading
            it runs any code that its author has put into it.
        signature: which function of a SavedModel to convert, if it has several; if empty, `serving_default` or the only
            one.
        input_shape: static shape by input name.
        cut_at: values that become the outputs.
        tail: what to do with operators that cannot be converted for the chip. `auto`: the network is divided: the chip
            gets the part before them, and the rest becomes another model for the camera's CPU. `off`: the network is
            refused. None: `auto`, or `off` with `cut_at`, since the part behind the cut is not wanted then.
        resize: `stretch`, `letterbox` or `center-crop`.
        color: channel order that the network was trained on: `rgb`, `bgr` or `gray`.
        mean: subtracted from pixels of 0-255: one value, or one for each channel in the network's order.
        std: by which pixels are divided after that, in the same form.
        preset: `imagenet`, `0-1`, `-1-1` or `0-255` instead of mean and std.
        fold_preprocess: how a stated normalization becomes part of the network: `conv` (in the first convolution), `op`
            (an operator before it) or `off`.
        granularity: scales of weights: `per-tensor`, `per-channel`, or `auto`: per tensor, except for layers that would
            lose too much; if None, the chip's default.
        overrides: granularity by name or glob of layers (PyTorch module, ONNX node or value, tensor of the file).
        input_dtype: type of integer inputs: `uint8` or `int8`; if None, the chip's default.
        output_dtype: type of integer outputs, in the same way.
        input_layout: `nhwc` (what cameras deliver) or `nchw`.
        opset: ONNX version of the operators in an ONNX file.
        split_inputs: `auto` (split an input whose parts differ so much in range that one scale does not fit them, such
            as two states of a recurrent network) or `off`.
        split_outputs: `auto` (split an output whose parts differ so much in range that one scale does not fit them) or
            `off`.
        final_activation: `cut`: leave a final Sigmoid or Softmax out of integer files, whose output is then called
            `<name>_logits`; `auto`: only if int8 probabilities would change the ranking of scores; `keep`: never.
            `load` and the C header compute the probabilities from the logits, and the manifest says how.
        effort: `fast`, `balanced` or `best`.
        recipe: a `dlpuconv.quantization.Recipe`, or the path of a `.recipe.toml` that an earlier conversion wrote;
            there is no search then.
        metric: your function that scores a network on your own data, or `"module:function"` of an installed module or
            of one in the current folder. It is called once for the float model and once for each recipe, with
            `predict`, a function from a dict of input arrays to a dict of outputs, both as the source model has them.
            It returns a number; higher is better. Recipes are compared by it.
        max_drop: how much the file's score may fall below the float model's, in the metric's own unit. The search ends
            with the first recipe that loses no more; if there is none, verification fails.
        backend: another backend than the target's default, such as `tensorflow`.
        min_sqnr: lowest signal-to-noise ratio of an output, in dB, with which verification passes; if None, the chip's
            default: 10, or 100 for float files. If it is given, it decides for outputs of every kind.
        output_kinds: what outputs hold, by name, if their graph does not tell: `scores`, `classes`, `boxes`, `masks` or
            `embeddings`, each of which is judged by its own measure, or `values`, which are judged by the
            signal-to-noise ratio.
        report: also measure every layer, so that `conversion[target].to_html()` returns the report, and `.overlays()`
            the node data for Model Explorer.
        bom: write a bill of materials (CycloneDX 1.6) beside each file, or into the package.
        cache: keep calibration statistics and lowered networks in the user's cache folder.
        progress: where progress is shown; `"auto"`: bars on a terminal or in a notebook, else nothing; None: nothing.

    Returns:
        The verified files, in memory; `.save(folder)` writes them. If the conversion failed for some of the targets
        only, these are in `.failures`.

    Raises:
        DlpuconvError: the model, the data or an option cannot be used, or a tool or plugin failed for every target.
    """
    from dlpuconv.workflow.convert import convert as run
    from dlpuconv.workflow.run import Data

    with python_words():
        request = make_request(
            targets=_names(target),
            input_shape=_shapes(input_shape),
            cut_at=_names(cut_at),
            tail=tail,
            input_names=_names(input_names),
            output_names=_names(output_names),
            factory=factory,
            allow_pickle=allow_pickle,
            signature=signature,
            resize=resize,
            color=color,
            mean=_values("mean", mean),
            std=_values("std", std),
            preset=preset,
            fold_preprocess=fold_preprocess,
            granularity=granularity,
            overrides=_items(overrides),
            input_dtype=input_dtype,
            output_dtype=output_dtype,
            input_layout=input_layout,
            opset=opset,
            split_inputs=split_inputs,
            split_outputs=split_outputs,
            final_activation=final_activation,
            effort=effort,
            recipe=recipe,
            metric=metric,
            max_drop=max_drop,
            backend=backend,
            min_sqnr=min_sqnr,
            output_kinds=_items(output_kinds),
            layers=report,
            bom=bom,
            cache=cache,
        )
        data = Data(calibration=calibration, validation=validation, example_inputs=example_inputs)
        return run(model, request, data, _shown(progress)).in_python_words()


def analyze(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv analyze`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source,
    validation: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    factory: ModuleFactory | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: str | Sequence[str] = (),
    tail: Tail | None = None,
    resize: Resize = "stretch",
    color: Color = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: Preset | None = None,
    fold_preprocess: FoldPreprocess | None = None,
    granularity: GranularityOrAuto | None = None,
    overrides: Mapping[str, Granularity] | None = None,
    effort: Effort = "balanced",
    recipe: str | Path | Recipe | None = None,
    cache: bool = True,
    progress: Shown = "auto",
) -> tuple[Analysis, ...]:
    """Quantize a model as `convert` would, and measure what each layer loses.

    Args:
        model: see `convert`.
        target: one or several chips; each gets an analysis.
        calibration: samples; the layers are measured on those that are held out, or on `validation`.
        validation: see `convert`.
        example_inputs: see `convert`.
        input_names: see `convert`.
        output_names: see `convert`.
        factory: see `convert`.
        allow_pickle: see `convert`.
        signature: see `convert`.
        input_shape: see `convert`.
        cut_at: see `convert`.
        tail: see `convert`.
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
        An analysis for each target, with its layers, the worst first.

    Raises:
        DlpuconvError: the model, the data or an option cannot be used, a tool failed, or the target's backend cannot
            measure layers.
    """
    from dlpuconv.workflow.analyze import analyze as run
    from dlpuconv.workflow.failure import all_in_one
    from dlpuconv.workflow.run import Data

    with python_words():
        request = make_request(
            targets=_names(target),
            input_shape=_shapes(input_shape),
            cut_at=_names(cut_at),
            tail=tail,
            input_names=_names(input_names),
            output_names=_names(output_names),
            factory=factory,
            allow_pickle=allow_pickle,
            signature=signature,
            resize=resize,
            color=color,
            mean=_values("mean", mean),
            std=_values("std", std),
            preset=preset,
            fold_preprocess=fold_preprocess,
            granularity=granularity,
            overrides=_items(overrides),
            effort=effort,
            recipe=recipe,
            cache=cache,
        )
        data = Data(calibration=calibration, validation=validation, example_inputs=example_inputs)
        done = run(model, request, data, _shown(progress))
        if done.failures:
            raise all_in_one(done.failures)
        return in_python(done.found)


def check(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv check`
    model: ModelLike,
    *,
    target: str | Sequence[str],
    calibration: Source | None = None,
    example_inputs: Any = None,
    input_names: str | Sequence[str] = (),
    output_names: str | Sequence[str] = (),
    factory: ModuleFactory | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: str | Sequence[str] = (),
    tail: Tail | None = None,
    resize: Resize = "stretch",
    color: Color = "rgb",
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: Preset | None = None,
    fold_preprocess: FoldPreprocess | None = None,
    input_layout: InputLayout | None = None,
    opset: int | None = None,
    explain: bool = False,
    progress: Shown = "auto",
) -> tuple[Checkup, ...]:
    """Tell, before a conversion, how chips would run a model: no samples are needed, and no file is made.

    Args:
        model: see `convert`.
        target: one or several chips; each gets a checkup.
        calibration: see `convert`; the samples are used to check whether the stated normalization fits the network.
        example_inputs: see `convert`.
        input_names: see `convert`.
        output_names: see `convert`.
        factory: see `convert`.
        allow_pickle: see `convert`.
        signature: see `convert`.
        input_shape: see `convert`.
        cut_at: see `convert`.
        tail: see `convert`.
        resize: see `convert`.
        color: see `convert`.
        mean: see `convert`.
        std: see `convert`.
        preset: see `convert`.
        fold_preprocess: see `convert`.
        input_layout: see `convert`.
        opset: see `convert`.
        explain: also tell how the model was rewritten, layer by layer, and which rewrites were not possible and why.
        progress: see `convert`.

    Returns:
        For each target whether the model can be converted and run, where each layer would run, and what would help.

    Raises:
        DlpuconvError: the model or an option cannot be used, a tool failed, or the target's backend cannot check
            models.
    """
    from dlpuconv.workflow.check import check as run
    from dlpuconv.workflow.run import Data

    with python_words():
        request = make_request(
            targets=_names(target),
            input_shape=_shapes(input_shape),
            cut_at=_names(cut_at),
            tail=tail,
            input_names=_names(input_names),
            output_names=_names(output_names),
            factory=factory,
            allow_pickle=allow_pickle,
            signature=signature,
            resize=resize,
            color=color,
            mean=_values("mean", mean),
            std=_values("std", std),
            preset=preset,
            fold_preprocess=fold_preprocess,
            input_layout=input_layout,
            opset=opset,
        )
        data = Data(calibration=calibration, example_inputs=example_inputs)
        return in_python(run(model, request, data, _shown(progress), explained=explain))


def verify(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv verify`
    file: str | Path,
    *,
    target: str,
    reference: ModelLike | None = None,
    data: Source | None = None,
    example_inputs: Any = None,
    factory: ModuleFactory | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: str | Sequence[str] = (),
    resize: Resize | None = None,
    color: Color | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: Preset | None = None,
    min_sqnr: float | None = None,
    output_kinds: Mapping[str, OutputKind] | None = None,
    ignore: str | Sequence[str] = (),
    firmware: str | None = None,
    strict: bool = False,
    progress: Shown = "auto",
) -> Verification:
    """Tell whether a chip will run a file correctly and, with a reference, whether the outputs still agree.

    Args:
        file: a `.tflite` or `.onnx` file, or a package folder, made by dlpuconv or not.
        target: the chip.
        reference: the float model that the file was made from, as `convert` takes it.
        data: samples for the comparison, in any form of `convert`'s `calibration`; a package contains its own.
        example_inputs: what `reference.forward` takes, for an `nn.Module`.
        factory: for a reference that is a file of weights; see `convert`.
        allow_pickle: see `convert`.
        signature: see `convert`.
        input_shape: static shape of the reference, by input name; if None, as in the file's manifest.
        cut_at: values of the reference that became the outputs; see `convert`.
        resize: how images are resized to the input's size. If this, `color`, `mean`, `std` and `preset` are all None,
            images are prepared as the file's manifest says; otherwise the manifest is ignored in all of these.
        color: see `convert`.
        mean: see `convert`.
        std: see `convert`.
        preset: see `convert`.
        min_sqnr: see `convert`.
        output_kinds: see `convert`; if None, as in the file's manifest.
        ignore: ids of rules to leave out.
        firmware: version of AXIS OS that the file must run on, such as `"11.11.73"`; checks whether it supports the
            file's operators.
        strict: fail on warnings, too.
        progress: see `convert`.

    Returns:
        The verdict with its reasons. A file that fails does not raise an error.

    Raises:
        DlpuconvError: the file, the reference, the data or an option cannot be used.
    """
    from dlpuconv.workflow.option_values import verification_options, version
    from dlpuconv.workflow.verify import verify as run

    with python_words():
        source = _reference_options(input_shape, cut_at, factory, signature, allow_pickle=allow_pickle)
        evidence = _evidence(reference, data, example_inputs, source, (resize, color, mean, std, preset))
        options = verification_options(
            min_sqnr=min_sqnr,
            output_kinds=_items(output_kinds),
            ignore=_names(ignore),
            strict=strict,
            layers=True,
        )
        found = run(
            Path(file), target, evidence, options, firmware=version("firmware", firmware), progress=_shown(progress)
        )
        return found.in_python_words()


def compare(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv compare`
    a: str | Path,
    b: str | Path,
    *,
    target: str | None = None,
    data: Source | None = None,
    reference: ModelLike | None = None,
    example_inputs: Any = None,
    factory: ModuleFactory | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    input_shape: Mapping[str, Sequence[int]] | None = None,
    cut_at: str | Sequence[str] = (),
    resize: Resize | None = None,
    color: Color | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    preset: Preset | None = None,
    progress: Shown = "auto",
) -> Contrast:
    """Compare two files: what they hold and, with data, their outputs for the same samples.

    Args:
        a: a `.tflite` or `.onnx` file, or a package folder.
        b: another one.
        target: a chip, to show where the layers would run.
        data: samples; see `verify`.
        reference: the float model, with which both are compared as well; see `verify`.
        example_inputs: see `verify`.
        factory: see `verify`.
        allow_pickle: see `convert`.
        signature: see `convert`.
        input_shape: see `verify`.
        cut_at: see `verify`.
        resize: see `verify`.
        color: see `verify`.
        mean: see `verify`.
        std: see `verify`.
        preset: see `verify`.
        progress: see `convert`.

    Raises:
        DlpuconvError: a file, the reference, the data or an option cannot be used.
    """
    from dlpuconv.workflow.compare import compare as run

    with python_words():
        source = _reference_options(input_shape, cut_at, factory, signature, allow_pickle=allow_pickle)
        evidence = _evidence(reference, data, example_inputs, source, (resize, color, mean, std, preset))
        return in_python(run(Path(a), Path(b), target, evidence, _shown(progress)))


def inspect(
    file: str | Path,
    *,
    layers: str | Sequence[str] = (),
    target: str | None = None,
    input_shape: Mapping[str, Sequence[int]] | None = None,
    signature: str = "",
) -> Inspection:
    """Read what a file holds, layer by layer.

    Args:
        file: a `.tflite` or `.onnx` file, or a package folder; of a `.keras`, `.h5` or `.pt2` file or a SavedModel, the
            ONNX form is shown.
        layers: which layers to show: globs of names or operators, or numbers; if empty, all.
        target: a chip, to show where the layers would run.
        input_shape: static shape by input name, for models that are shown in their ONNX form.
        signature: see `convert`.

    Raises:
        DlpuconvError: the file cannot be read, or a glob matches no layer.
    """
    from dlpuconv.workflow.inspect import inspect as run

    with python_words():
        return run(Path(file), _names(layers), _shapes(input_shape), signature=signature, target=target)


def load(file: str | Path, *, workers: int = 1) -> LoadedNetwork:
    """Load a file so that it can be called like its source model.

    Whatever was split, permuted or quantized in the conversion is undone. Give the inputs of the source model: a dict
    by name, or the array alone if there is one input, in the source model's shape, layout and values (normalized, if
    the model was trained on normalized pixels). The outputs are the source model's, by name, as real values in float32,
    in its shapes and layouts. A `.tflite` file runs on TensorFlow Lite's integer kernels, as for its report. If you
    give a batch to a network that takes one sample, `workers` samples run at the same time. Instead of an array you can
    give a picture, which is resized and normalized as the manifest says.

    ```python
    network = dlpuconv.load("out/model.artpec8.tflite")
    outputs = network(image)  # or network({"image": image}), or network(image=image)
    ```

    Args:
        file: a `.tflite` or `.onnx` file, or a package folder. Keep the files that dlpuconv wrote beside it: the
            manifest, and the parts of a divided network that the CPU runs. Without a manifest, such as for the float
            model itself, inputs and outputs are those of the file.
        workers: number of processes.

    Raises:
        DlpuconvError: the file, its manifest or a part beside it is missing, damaged, replaced or cannot run.
    """
    from dlpuconv.workflow.load import load as run

    with python_words():
        return run(Path(file), workers)


def evaluate(model: Any, loader: Any, metric: DataMetric, *, workers: int = 1) -> float:
    """Score a network on labelled data: the same function for a module, for a model and for the files made from it.

    ```python
    for network in (module, "net.onnx", conversion["artpec8"], "out/net.artpec8.tflite"):
        print(dlpuconv.evaluate(network, loader, dlpuconv.metrics.top_k))
    ```

    Args:
        model: a `torch.nn.Module`, which torch runs where its parameters are; an ONNX file or object, or an exported
            program; a `Converted` of a conversion; a converted file; or what `load` returns.
        loader: what the metric reads.
        metric: a function of `predict` and the loader that returns a number, higher for a better network; `predict` is
            what the metric of `convert` is given, too. `dlpuconv.metrics` has some.
        workers: processes that compute the samples of a batch; a module is computed in this one.

    Raises:
        DlpuconvError: the model cannot be read or run, or the metric fails.
    """
    from dlpuconv.workflow.evaluate import evaluate as run

    with python_words():
        return run(model, loader, metric, workers)


def batch(  # noqa: PLR0913 - the public face: every keyword is one option of `dlpuconv batch`
    jobs: str | Path | Mapping[str, Any] | Iterable[BatchJob],
    *,
    store: str | Path = "",
    executor: str | Executor | None = None,
    workers: int | None = None,
    shard: str = "",
    memory_gib: float | None = None,
    minutes: float | None = None,
    progress: Shown = "auto",
) -> Batch:
    """Convert many models for many chips, each combination in a process of its own.

    What is in the store already is not made again: a job is known by the contents of its inputs, its options and the
    versions that decide what is made. What crashes, hangs or takes too much memory is a record like any other.

    ```python
    done = dlpuconv.batch("jobs.toml", store="results")
    for record in done.failures:
        print(record.name, record.error or record.reasons)
    ```

    Args:
        jobs: the path of a TOML file, a dict of the same form, or `dlpuconv.batches.BatchJob`s.
        store: a folder, or a URL that fsspec writes; what the file says if empty.
        executor: `"own"` (processes of this machine), `"dask"`, `"dask://host:port"`, `"module:factory"`, or any
            `concurrent.futures.Executor`; what the file says, or this machine's, if None.
        workers: jobs at the same time; the executor's own number if None.
        shard: `"i/n"`: only those jobs that fall to the i-th of n machines.
        memory_gib: that the processes of one job may take together; what the file says, or 8, if None.
        minutes: that one job may take; what the file says, or 60, if None.
        progress: see `convert`.

    Returns:
        A record for each job, in the order of the jobs.

    Raises:
        DlpuconvError: the jobs, the store or the executor cannot be used.
    """
    from dlpuconv.batches.store import open_store
    from dlpuconv.batches.whole import limited, plan_of, run_batch

    with python_words():
        plan = limited(plan_of(jobs, store, executor), memory_gib, minutes)
        given = None if executor is None or isinstance(executor, str) else executor
        return run_batch(
            plan, open_store(plan.store), executor=given, workers=workers, shard=shard, progress=_shown(progress)
        )


def _reference_options(
    input_shape: Mapping[str, Sequence[int]] | None,
    cut_at: str | Sequence[str],
    factory: ModuleFactory | str,
    signature: str,
    *,
    allow_pickle: bool,
) -> SourceOptions:
    from dlpuconv.frontends import SourceOptions

    shapes, cuts = _shapes(input_shape), _names(cut_at)
    return SourceOptions(
        input_shapes=shapes, cut_at=cuts, factory=factory, allow_pickle=allow_pickle, signature=signature
    )


def _evidence(
    reference: ModelLike | None,
    data: Source | None,
    example_inputs: Any,
    source: SourceOptions,
    images: tuple[
        Resize | None, Color | None, float | Sequence[float] | None, float | Sequence[float] | None, Preset | None
    ],
) -> ComparisonData:
    from dlpuconv.workflow.option_values import stated_preprocessing
    from dlpuconv.workflow.reference import ComparisonData

    resize, color, mean, std, preset = images
    return ComparisonData(
        reference=reference,
        data=data,
        example_inputs=example_inputs,
        source=source,
        preprocessing=stated_preprocessing(
            resize=resize, color=color, mean=_values("mean", mean), std=_values("std", std), preset=preset
        ),
    )


def _shown(progress: Shown) -> Progress:
    from dlpuconv.display.bars import for_people
    from dlpuconv.display.progress import Silent

    if progress is None:
        return Silent()
    if isinstance(progress, str) and progress != "auto":
        raise UsageError(
            f'progress is "auto", None (nothing is shown) or an object that receives it, not {progress!r}',
            id="argument-type",
        )
    return InPython(for_people() if progress == "auto" else progress)


def _shapes(shapes: Mapping[str, Sequence[int]] | None) -> dict[str, tuple[int, ...]]:
    return {name: tuple(shape) for name, shape in (shapes or {}).items()}


def _items(values: Mapping[str, str] | None) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in (values or {}).items())


def _values(option: str, value: Any) -> tuple[float, ...] | None:
    """One number or several, of whatever library, as plain ones."""
    if value is None:
        return None
    try:
        # a text is one value, or none: it is not read letter by letter
        return (float(value),) if isinstance(value, Real | str) else tuple(map(float, value))
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"--{option} must be a number or a sequence of numbers, not {value!r}", id="argument-type"
        ) from error


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
