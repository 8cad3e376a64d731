"""Plain option values, from Python or the command line, as a checked `Request`: what each option takes is said here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dlpuconv.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum
    from pathlib import Path

    from dlpuconv.calibration import Preprocessing
    from dlpuconv.ir import Layout
    from dlpuconv.quantization import Recipe
    from dlpuconv.scheme import Granularity
    from dlpuconv.workflow.metric import MetricFunction
    from dlpuconv.workflow.request import Request, VerificationOptions


def make_request(  # noqa: PLR0913 - one argument an option, checked here and nowhere else
    *,
    targets: tuple[str, ...],
    input_shape: Mapping[str, tuple[int, ...]],
    cut_at: tuple[str, ...],
    tail: str | None = None,
    final_activation: str = "auto",
    resize: str,
    color: str,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    preset: str | None,
    input_names: tuple[str, ...] = (),
    output_names: tuple[str, ...] = (),
    factory: Callable[[], Any] | str = "",
    allow_pickle: bool = False,
    signature: str = "",
    fold_preprocess: str | None = None,
    granularity: str | None = None,
    overrides: tuple[str, ...] = (),
    input_dtype: str | None = None,
    output_dtype: str | None = None,
    input_layout: str | None = None,
    opset: int | None = None,
    split_inputs: str = "auto",
    split_outputs: str = "auto",
    effort: str = "balanced",
    recipe: str | Path | Recipe | None = None,
    metric: MetricFunction | str | None = None,
    max_drop: float | None = None,
    backend: str | None = None,
    min_sqnr: float | None = None,
    output_kinds: tuple[str, ...] = (),
    ignore: tuple[str, ...] = (),
    strict: bool = False,
    layers: bool = False,
    bom: bool = False,
    cache: bool = True,
) -> Request:
    """Plain option values, from Python or the command line, as a checked `Request`.

    Raises:
        UsageError: a value is not one of those that its option takes.
        MetricError: the metric's module fails while it is imported.
    """
    from pathlib import Path

    from dlpuconv.calibration import make_preprocessing
    from dlpuconv.files.keep import NOTHING, KeptFolder, default_cache_folder
    from dlpuconv.frontends import SourceOptions
    from dlpuconv.plugin import InterfaceOptions, Normalization, Splitting
    from dlpuconv.quantization import Override
    from dlpuconv.quantization.recipe_file import read_recipe
    from dlpuconv.workflow.metric import make_metric
    from dlpuconv.workflow.request import MIXED, Effort, FinalActivations, QuantizationOptions, Request, Tail

    if granularity == MIXED and recipe is not None:
        raise UsageError(
            "--granularity auto searches for layers to treat differently, but a recipe is followed as it is: give"
            " only one of them",
            id="options-conflict",
        )
    if not targets:
        raise UsageError(
            "no target is given: name at least one of those that `dlpuconv targets` lists", id="target-missing"
        )
    return Request(
        targets=targets,
        source=SourceOptions(
            input_shapes=input_shape,
            cut_at=cut_at,
            input_names=input_names,
            output_names=output_names,
            factory=factory,
            allow_pickle=allow_pickle,
            signature=signature,
        ),
        tail=choice(Tail, "tail", tail) if tail else None,
        final_activation=choice(FinalActivations, "final-activation", final_activation),
        preprocessing=make_preprocessing(resize=resize, color=color, mean=mean, std=std, preset=preset),
        normalization=choice(Normalization, "fold-preprocess", fold_preprocess) if fold_preprocess else None,
        quantization=QuantizationOptions(
            granularity=_granularity(granularity),
            mixed=granularity == MIXED,
            overrides=tuple(map(Override.parse, overrides)),
            effort=choice(Effort, "effort", effort),
            recipe=read_recipe(Path(recipe)) if isinstance(recipe, str | Path) else recipe,
            recipe_file=Path(recipe) if isinstance(recipe, str | Path) else None,
            metric=make_metric(metric, max_drop),
        ),
        interface=InterfaceOptions(
            input_layout=_layout(input_layout),
            opset=opset,
            split_inputs=choice(Splitting, "split-inputs", split_inputs),
            split_outputs=choice(Splitting, "split-outputs", split_outputs),
        ),
        input_dtype=_dtype("input-dtype", input_dtype),
        output_dtype=_dtype("output-dtype", output_dtype),
        verification=verification_options(
            min_sqnr=min_sqnr, output_kinds=output_kinds, ignore=ignore, strict=strict, layers=layers
        ),
        backend=backend,
        cache=KeptFolder(default_cache_folder()) if cache else NOTHING,
        bom=bom,
    )


def stated_preprocessing(
    *,
    resize: str | None,
    color: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    preset: str | None,
) -> Preprocessing | None:
    """What the user says of images where a manifest may say it; None where the user says nothing.

    Raises:
        UsageError: a value is not one of those that its option takes.
    """
    from dlpuconv.calibration import make_preprocessing

    if all(option is None for option in (resize, color, mean, std, preset)):
        return None
    return make_preprocessing(resize=resize, color=color, mean=mean, std=std, preset=preset)


def verification_options(
    *, min_sqnr: float | None, output_kinds: tuple[str, ...], ignore: tuple[str, ...], strict: bool, layers: bool
) -> VerificationOptions:
    """How strict the verifier is.

    Raises:
        UsageError: the ratio is not a number, or there is no such kind of output.
    """
    from dlpuconv.verification.kinds.stated import parse_output_kind
    from dlpuconv.workflow.request import VerificationOptions

    return VerificationOptions(
        min_sqnr=_decibels(min_sqnr),
        ignore=frozenset(ignore),
        strict=strict,
        layers=layers,
        kinds=dict(map(parse_output_kind, output_kinds)),
    )


def version(option: str, text: str | None) -> tuple[int, ...] | None:
    """Read `11.11.73`.

    Raises:
        UsageError: it is no version of two to four numbers.
    """
    if text is None:
        return None
    parts = text.split(".")
    if not 2 <= len(parts) <= 4 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
        raise UsageError(f"--{option} {text!r} is not a version such as 11.11 or 11.11.73", id="option-value")
    return tuple(map(int, parts))


def choice[E: StrEnum](kind: type[E], option: str, value: str) -> E:
    """The member of an enumeration that an option's text names.

    Raises:
        UsageError: none does.
    """
    return kind(_one_of(option, value, tuple(member.value for member in kind)))


def _granularity(value: str | None) -> Granularity | None:
    """None for the chip's own, which `auto` makes exceptions from."""
    from dlpuconv.scheme import Granularity
    from dlpuconv.workflow.request import MIXED

    if value is None or _one_of("granularity", value, (*(g.value for g in Granularity), MIXED)) == MIXED:
        return None
    return Granularity(value)


def _layout(value: str | None) -> Layout | None:
    """NHWC or NCHW: a plain value has no layout to choose."""
    from dlpuconv.ir import Layout

    if value is None:
        return None
    return Layout(_one_of("input-layout", value, (Layout.NHWC.value, Layout.NCHW.value)))


def _decibels(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise UsageError("--min-sqnr is not a finite number; give decibels, such as 10", id="option-value")
    return value


def _dtype(option: str, value: str | None) -> str | None:
    """None for the chip's own."""
    return None if value is None else _one_of(option, value, ("uint8", "int8"))


def _one_of(option: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise UsageError(
            f"--{option} {value!r} is not one of {', '.join(known)}{did_you_mean(value, known)}", id="option-value"
        )
    return value
